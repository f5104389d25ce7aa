"""Lets a command print to a terminal with an old encoding, a reader that has left or a full disk, and end in words."""

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import TextIOWrapper

from ops.base.errors import OpsError

_LEFT = 128 + 13  # as a shell says it of a program that SIGPIPE ended


@contextmanager
def written() -> Generator[None]:
    """Show escaped what the terminal's encoding lacks, and flush at the end; raises OpsError where that cannot be."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except OSError as error:
        # Every other error of a file has been put into words where the file is opened.
        if error.filename or error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EFBIG):
            raise
        with suppress(OSError, ValueError):  # or the interpreter tries once more at its end, and says so
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            raise SystemExit(_LEFT) from None
        raise OpsError(f"the output cannot be written: {error.strerror}", "make room, or send it elsewhere") from None
