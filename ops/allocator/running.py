"""Runs a program that somebody named, and reads what it prints: with a limit of time, and whatever it starts itself.

It may be a wrapper, in a shell or of a container, whose own child goes on and holds the pipe after its parent has been
killed. So all of its group is killed, and nothing waits for a line beyond the limit.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

_LINE_BYTES = 1 << 16  # what is longer counts as several lines


@contextmanager
def running(
    argv: Sequence[str], variables: Mapping[str, str], seconds: float, directory: Path | None = None
) -> Generator[Iterator[str]]:
    """The lines of a program's output and errors, for `seconds` at most; it is killed at the block's end.

    Raises OSError where it cannot be started, and ValueError for a NUL in its name.
    """
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=directory, env=variables,
        start_new_session=True,
    ) as program:  # fmt: skip
        try:
            yield _lines(cast("IO[bytes]", program.stdout), time.monotonic() + seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


def _lines(pipe: IO[bytes], end: float) -> Iterator[str]:
    rest = b""
    while (left := end - time.monotonic()) > 0 and select.select([pipe], [], [], left)[0]:
        if not (read := os.read(pipe.fileno(), _LINE_BYTES)):
            break
        *whole, rest = (rest + read).split(b"\n")
        if len(rest) > _LINE_BYTES:
            whole, rest = [*whole, rest], b""
        yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")
