"""The files below `root`: which bytes are there and proved, and what is published. No network.

.blobs/sha256-<hex>   the bytes, 0444, never modified; `.ok` their receipt, `.part` and `.part.journal` while on their
                      way (download.py)
<id>/<gen>/<link>     a relative link to a blob, so that it survives another mount point
<id>/<gen>/READY.json written last;   <id>/current -> <gen>, for people
"""

import contextlib
import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from typing import Any

from manifest import File, Manifest
from quarantine import PUBLISHED, READY, WITHDRAWN, quarantine, restore
from report import ExitError, Progress, say

# Unwritten pages of a network file system are charged to the pod: synced this often, they stay far below its limit.
SYNC_BYTES = 64 << 20


class Volume:
    """The files below `root`: what is there and proved, and what is published."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.blobs = os.path.join(manifest.root, ".blobs")
        self.directory = os.path.join(manifest.root, manifest.id, manifest.gen)
        inside = os.path.join(os.path.realpath(manifest.root), manifest.id, manifest.gen)
        if os.path.realpath(self.directory) != inside:
            raise ExitError(78, f"{self.directory} leads outside of the volume")
        os.makedirs(self.blobs, exist_ok=True)

    def blob(self, file: File) -> str:
        return os.path.join(self.blobs, f"sha256-{file.sha256}")

    def has(self, file: File, verify: bool = False) -> bool:
        """Is the blob there and proved? By its receipt, unread; hashed where that does not fit, or to `verify`."""
        blob = self.blob(file)
        if not verify and self._is_proved(file.sha256, file.size):
            return True
        with contextlib.suppress(FileNotFoundError), open(blob, "rb") as source:
            stat = os.fstat(source.fileno())
            say("verify", file=file.path)
            found = digest(source.fileno(), stat.st_size, file.path, self.manifest.progress_s)
            if (stat.st_size, found) == (file.size, file.sha256):
                self.receipt(file, source.fileno())
                return True
            if os.stat(blob).st_ino != stat.st_ino:  # another fetcher has replaced it by now
                return self.has(file, verify)
            say("damaged", file=file.path, expected=file.sha256, got=found, size=file.size, got_size=stat.st_size)
            quarantine(self.manifest.root, file.sha256)
        return False

    def _is_proved(self, sha256: str, size: int) -> bool:
        blob = os.path.join(self.blobs, f"sha256-{sha256}")
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError), open(f"{blob}.ok") as source:
            receipt, stat = json.load(source), os.stat(blob)
            return (size, stat.st_size, stat.st_mtime_ns) == (receipt["size"], receipt["size"], receipt["mtime_ns"])
        return False

    def receipt(self, file: File, fd: int) -> None:
        stat = os.fstat(fd)
        content = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "verified_at": int(time.time())}
        replace(f"{self.blob(file)}.ok", content)

    def forget_part(self, file: File) -> None:
        """Drop what a download left; journal first, it must never vouch for a part that is not its own."""
        for suffix in (".part.journal", ".part"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.blob(file)}{suffix}")

    def require_writable(self) -> None:
        """Write something: OSError before the first byte, not after the last."""
        os.makedirs(self.directory, exist_ok=True)
        for directory in (self.blobs, self.directory):
            tempfile.NamedTemporaryFile(dir=directory).close()

    def require_room(self, missing: list[File]) -> None:
        """Compare the space with what is still to be written; ExitError 73."""
        if not missing:
            return
        need = sum(file.size for file in missing)
        margin = max(self.manifest.margin_bytes, need // 20)
        for file in missing:
            with contextlib.suppress(FileNotFoundError):
                need -= os.stat(f"{self.blob(file)}.part").st_blocks * 512
        stat = os.statvfs(self.blobs)
        if (free := stat.f_bavail * stat.f_frsize) < need + margin:
            what = f"{need >> 20} MiB to fetch and {margin >> 20} MiB to keep free, but {free >> 20} MiB are free"
            raise ExitError(73, f"{self.manifest.root}: {what}; enlarge the volume or prune old generations")

    def publish(self) -> None:
        """Links first, READY.json last: who sees READY.json sees everything it names."""
        os.makedirs(self.directory, exist_ok=True)
        for file in self.manifest.files:
            replace_link(os.path.join(self.directory, file.link), f"../../.blobs/sha256-{file.sha256}")
        restore(self.manifest.root, self._is_proved)
        names = {key: getattr(self.manifest, key) for key in ("id", "gen", "repo", "commit")}
        replace(os.path.join(self.directory, READY), {**names, "files": [vars(f) for f in self.manifest.files]})
        # Prune may have judged a blob before anything named it.
        if gone := [file.path for file in self.manifest.files if not os.path.exists(self.blob(file))]:
            os.unlink(os.path.join(self.directory, READY))
            raise ExitError(74, f"{', '.join(gone)} went while the model was published; the next run fetches it again")
        published = os.path.join(self.manifest.root, PUBLISHED)
        os.makedirs(published, exist_ok=True)
        replace(os.path.join(published, f"{self.manifest.id}-{self.manifest.gen}"), names)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.directory, WITHDRAWN))
        replace_link(os.path.join(self.manifest.root, self.manifest.id, "current"), self.manifest.gen)


def replace(path: str, content: Any) -> None:
    """Write JSON so that a reader sees the old or the new file whole; an equal file stays untouched."""
    with contextlib.suppress(OSError, ValueError), open(path) as source:
        if json.load(source) == content:
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
