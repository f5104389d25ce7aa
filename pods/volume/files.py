"""Files of the volume, written so that a reader sees the old or the new one whole, and hashed past the page cache."""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from typing import Any

from pods.core import json_text
from pods.core.report import Progress

# Unwritten pages of a network file system are charged to the pod: synced this often, they stay far below its limit.
SYNC_BYTES = 64 << 20


def replace(path: str, content: Any) -> None:
    """Write JSON so that a reader sees the old or the new file whole; an equal file stays untouched."""
    with contextlib.suppress(OSError, ValueError):
        if json_text.read(path) == content:
            return
    draft = f"{path}.{secrets.token_hex(4)}.tmp"  # not the pid: pods on two nodes have the same
    with open(draft, "w") as target:
        json.dump(content, target, indent=1)
        target.flush()
        os.fsync(target.fileno())
    os.replace(draft, path)


def replace_link(path: str, target: str) -> None:
    if os.path.islink(path) and os.readlink(path) == target:
        return
    draft = f"{path}.{secrets.token_hex(4)}.tmp"
    os.symlink(target, draft)
    os.replace(draft, path)


def digest(fd: int, size: int, what: str, progress_s: float) -> str:
    """The sha256 of the first `size` bytes, with a progress line now and then."""
    sha, progress = hashlib.sha256(), Progress(progress_s, size)
    for start in range(0, size, SYNC_BYTES):
        hash_range(fd, start, min(SYNC_BYTES, size - start), sha)
        progress.show(what, min(start + SYNC_BYTES, size))
    return sha.hexdigest()


def hash_range(fd: int, start: int, size: int, sha: Any, tick: Callable[[], None] = lambda: None) -> None:
    """Feed `size` bytes from `start` to `sha` and let the page cache forget them; stops early at the file's end."""
    for offset in range(start, start + size, SYNC_BYTES):
        end = min(offset + SYNC_BYTES, start + size)
        for position in range(offset, end, 1 << 20):
            sha.update(os.pread(fd, min(1 << 20, end - position), position))
            tick()
        os.posix_fadvise(fd, offset, end - offset, os.POSIX_FADV_DONTNEED)
