"""Prints what a command is doing: a line per step, with the elapsed time and the path of its log."""

import os
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from plan.base.commands import GIVEN, with_variables
from plan.base.errors import FixableError

_started = time.monotonic()
_print = threading.Lock()


def say(text: str) -> None:
    """Print one line, stamped with the seconds since the command began."""
    with _print:
        sys.stdout.write(f"[{time.monotonic() - _started:6.1f}s] {typed(text)}\n")
        sys.stdout.flush()


def typed(text: str) -> str:
    """`text` with commands that work as they are printed: with the variables that this command was given."""
    return with_variables(text, os.environ.get(GIVEN, ""))


@contextmanager
def step(title: str, log: Path | None = None, every_s: float = 30.0) -> Generator[None]:
    """Announce a step, repeat it every `every_s` seconds while it runs, and say how it ended; errors pass through."""
    where = f" (log: {log})" if log else ""
    say(f"{title} ...{where}")
    begun, done = time.monotonic(), threading.Event()

    def tick() -> None:
        while not done.wait(every_s):
            say(f"{title}: still running, {time.monotonic() - begun:.0f} s{where}")

    threading.Thread(target=tick, daemon=True).start()
    try:
        yield
    except BaseException:
        say(f"{title}: failed after {time.monotonic() - begun:.1f} s{where}")
        raise
    else:
        say(f"{title}: done in {time.monotonic() - begun:.1f} s")
    finally:
        done.set()


class DevError(FixableError):
    """A command of dev cannot do its work."""
