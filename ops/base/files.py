"""Files that a person names, read up to a limit: a device never ends."""

from pathlib import Path

from plan.text import limits


def read(file: Path) -> bytes:
    """The content, one byte longer than a reader of text takes where it is too long; raises OSError or ValueError."""
    with file.open("rb") as source:
        return source.read(limits.BYTES + 1)
