"""One model's files below `root`: which bytes are there and proved, and what is published. No network.

.blobs/sha256-<hex>   the bytes, 0444, never modified; `.ok` their receipt, `.part` and `.part.journal` while on their
                      way (download.py)
<id>/<gen>/<link>     a relative link to a blob, so that it survives another mount point
<id>/<gen>/READY.json written last;   <id>/current -> <gen>, for people
"""

import contextlib
import os
import tempfile
import time

from pods.core import json_text
from pods.core.report import ExitError, say
from pods.fetch.manifest import File, Manifest
from pods.volume.files import digest, replace, replace_link
from pods.volume.quarantine import PUBLISHED, READY, WITHDRAWN, quarantine, restore


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
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            receipt, stat = json_text.read(f"{blob}.ok"), os.stat(blob)
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
