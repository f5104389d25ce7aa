"""Files of the volume, written so that a reader sees the old or the new one whole, and hashed past the page cache."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Generator
from typing import Any

from pods.core import json_text
from pods.core.report import ExitError, Progress
from pods.volume.quarantine import PLACES

# Unwritten pages of a network file system are charged to the pod: synced this often, they stay far below its limit.
SYNC_BYTES = 64 << 20


def replace(path: str, content: Any) -> None:
    """Write JSON so that a reader sees the old or the new file whole; an equal file stays untouched."""
    with contextlib.suppress(OSError, ValueError):
        if json_text.read(path) == content:
            return
    draft = f"{path}.{secrets.token_hex(4)}.tmp"  # not the pid: pods on two nodes have the same
    with _in_place(draft, path), open(draft, "w") as target:
        json.dump(content, target, indent=1)
        target.flush()
        os.fsync(target.fileno())


def replace_link(path: str, target: str) -> None:
    if os.path.islink(path) and os.readlink(path) == target:
        return
    draft = f"{path}.{secrets.token_hex(4)}.tmp"
    with _in_place(draft, path):
        os.symlink(target, draft)


@contextlib.contextmanager
def _in_place(draft: str, path: str) -> Generator[None]:
    """Afterwards the draft is at `path`, or there is none."""
    try:
        yield
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise (_foreign(path) if isinstance(error, IsADirectoryError) else error) from None


def digest(fd: int, size: int, what: str, progress_s: float) -> str:
    """The sha256 of the first `size` bytes, with a progress line now and then."""
    sha, progress = hashlib.sha256(), Progress(progress_s, size)
    for start in range(0, size, SYNC_BYTES):
        hash_range(fd, start, min(SYNC_BYTES, size - start), sha)
        progress.show(what, min(start + SYNC_BYTES, size))
    return sha.hexdigest()


def hash_range(fd: int, start: int, size: int, sha: Any) -> None:
    """Feed `size` bytes from `start` to `sha` and let the page cache forget them; stops early at the file's end."""
    for position in range(start, start + size, 1 << 20):
        sha.update(os.pread(fd, min(1 << 20, start + size - position), position))
    os.posix_fadvise(fd, start, size, os.POSIX_FADV_DONTNEED)


def copy_range(source: int, target: int, start: int, size: int) -> None:
    """Copy bytes to the same place; btrfs, XFS and NFS 4.2 do it themselves, and may share what is equal."""
    position, end = start, start + size
    with contextlib.suppress(OSError):  # another file system, or one that cannot: by hand
        while position < end and (done := os.copy_file_range(source, target, end - position, position, position)):
            position += done
    while position < end and (data := os.pread(source, min(1 << 20, end - position), position)):
        position += os.pwrite(target, data, position)
    os.posix_fadvise(source, start, size, os.POSIX_FADV_DONTNEED)


def open_own(path: str, flags: int) -> int:
    """Open a regular file of ours. Whatever else lies there is refused: never followed, never waited for."""
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENODEV):
            raise _foreign(path) from None
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _foreign(path)
    return fd


def sync_directory(path: str) -> None:
    """Names in it survive a power cut from now on, where the file system can promise that."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def require_inside(root: str) -> None:
    """Raise ExitError 78 where a directory of ours is a link: whatever we write there would be somebody else's."""
    for place in PLACES:
        if os.path.islink(path := os.path.join(root, place)):
            raise ExitError(78, f"{path} is a link and leads outside of the volume; put a directory in its place")


def require_no_directory(path: str) -> None:
    """Raise ExitError 78 where a link of ours belongs and a directory is."""
    if os.path.isdir(path) and not os.path.islink(path):
        raise _foreign(path)


def _foreign(path: str) -> ExitError:
    return ExitError(78, f"{path} is not a regular file: only our programs write there; remove it and run this again")
