"""Files that a person names, read up to a limit: a device never ends, and a pipe may never begin."""

import os
from pathlib import Path
from typing import BinaryIO

from plan.text import limits


def read(file: Path) -> bytes:
    """The content, one byte longer than a reader of text takes where it is too long; raises OSError or ValueError."""
    with opened(file) as source:
        return source.read(limits.BYTES + 1)


def opened(file: Path) -> BinaryIO:
    """Open a file for reading. A pipe without a writer reads as empty; plain `open` would wait for one for ever."""
    source = open(file, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115 - the caller closes it
    os.set_blocking(source.fileno(), True)
    return source
