"""Says on stderr that an answer is still awaited, so that a command which waits does not look like one that hangs."""

import contextlib
import sys
import threading
import time
from collections.abc import Generator

from plan.text.show import plain

_SOON_S, _EVERY_S = 2.0, 15.0


@contextlib.contextmanager
def waiting(who: str, remark: str = "", first_s: float = _SOON_S) -> Generator[None]:
    """While the block runs, name after `first_s` and then every 15 seconds who has not answered."""
    done, begun = threading.Event(), time.monotonic()

    def tell() -> None:
        pause_s = first_s
        while not done.wait(pause_s):
            print(f"{plain(who)}: no answer yet after {time.monotonic() - begun:.0f} s{remark}", file=sys.stderr)
            pause_s = _EVERY_S

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        done.set()
