"""Names in a directory of a volume that others change meanwhile: what goes away while we look is simply not there."""

import contextlib
import dataclasses
import math
import os
import re
import stat
from collections.abc import Iterator

_NFS = re.compile(r"\.nfs[0-9a-f]+")  # a removed file that a client of the server still has open


@dataclasses.dataclass(frozen=True)
class Entry:
    """Something on the volume; `size_bytes` is what it takes there, which for a sparse file is less than its length."""

    path: str
    size_bytes: int
    mtime: float


def listing(path: str) -> Iterator[os.DirEntry[str]]:
    """Entries by name; none where there is no directory, and none that went away meanwhile."""
    try:
        with os.scandir(path) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in listed:
        if not _NFS.fullmatch(entry.name) and os.path.lexists(entry.path):
            yield entry


def entry_of(entry: os.DirEntry[str]) -> Entry:
    try:
        return Entry(entry.path, size_of(entry.path), entry.stat(follow_symlinks=False).st_mtime)
    except FileNotFoundError:
        return Entry(entry.path, 0, math.inf)  # gone: nothing that could be old


def size_of(path: str) -> int:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return 0
    return min(found.st_size, found.st_blocks * 512) if stat.S_ISREG(found.st_mode) else 0


def target_of(entry: os.DirEntry[str]) -> str:
    with contextlib.suppress(FileNotFoundError):
        return os.readlink(entry.path) if entry.is_symlink() else ""
    return ""
