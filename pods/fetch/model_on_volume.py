"""One model's files below `root`: which bytes are there and proved, and what is published. No network.

.blobs/sha256-<hex>   the bytes, 0444, never modified, under no other name; `.ok` their receipt, `.part` and its
                      journal while on their way (part.py)
<id>/<gen>/<link>     a relative link to a blob, so that it survives another mount point
<id>/<gen>/READY.json written last;   <id>/current -> <gen>, for people
"""

import contextlib
import errno
import os
import secrets
import stat
import tempfile
import time

from pods.core.report import FULL, ExitError, say
from pods.fetch.manifest import File, Manifest
from pods.volume import parts
from pods.volume.files import digest, replace, replace_link, require_inside, require_no_directory
from pods.volume.quarantine import LOST, PUBLISHED, READY, WITHDRAWN, quarantine, receipted_bytes, restore


class Volume:
    """The files below `root`: what is there and proved, and what is published."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.blobs = os.path.join(manifest.root, ".blobs")
        self.directory = os.path.join(manifest.root, manifest.id, manifest.gen)
        inside = os.path.join(os.path.realpath(manifest.root), manifest.id, manifest.gen)
        if os.path.realpath(self.directory) != inside:
            raise ExitError(78, f"{self.directory} leads outside of the volume")
        require_inside(manifest.root)
        os.makedirs(self.blobs, exist_ok=True)

    def blob(self, file: File) -> str:
        return os.path.join(self.blobs, f"sha256-{file.sha256}")

    def has(self, file: File, verify: bool = False) -> bool:
        """Is the blob there and proved? By its receipt, unread; hashed where that does not fit, or to `verify`."""
        if not verify and self._is_proved(file.sha256, file.size):
            return True
        blob = self.blob(file)
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(blob)
            say("verify", file=file.path)
            got = self._digest(blob, found, file)
            if (found.st_size, got) == (file.size, file.sha256):
                return True
            say("damaged", file=file.path, expected=file.sha256, got=got, size=file.size, got_size=found.st_size)
            if not quarantine(self.manifest.root, file.sha256, found):
                return self.has(file, verify)
        return False

    def _digest(self, blob: str, found: os.stat_result, file: File) -> str:
        """The blob's sha256, with a receipt where it is right; in words where it has none."""
        if not stat.S_ISREG(found.st_mode):
            return "no regular file"
        fd = os.open(blob, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            got = digest(fd, found.st_size, file.path, self.manifest.progress_s)
            if (found.st_size, got) == (file.size, file.sha256):
                self.receipt(file, fd)
            return got
        except OSError as error:
            if error.errno not in LOST:
                raise
            return f"unreadable: {error.strerror}"
        finally:
            os.close(fd)

    def is_shared(self, file: File) -> bool:
        """Has the blob a second name, by which somebody may write into it? Older programs adopted by hard links."""
        with contextlib.suppress(FileNotFoundError):
            return os.lstat(self.blob(file)).st_nlink > 1
        return False

    def _is_proved(self, sha256: str, size: int) -> bool:
        return receipted_bytes(os.path.join(self.blobs, f"sha256-{sha256}")) == size

    def receipt(self, file: File, fd: int) -> None:
        found = os.fstat(fd)
        content = {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "verified_at": int(time.time())}
        try:
            replace(f"{self.blob(file)}.ok", content)
        except OSError as error:
            if error.errno not in (errno.EROFS, *FULL):  # without it the next run hashes again
                raise

    def require_writable(self) -> None:
        """Write, protect and link something: an error before the first byte, not after the last."""
        os.makedirs(self.directory, exist_ok=True)
        current = os.path.join(os.path.dirname(self.directory), "current")
        for name in (current, *(os.path.join(self.directory, file.link) for file in self.manifest.files)):
            require_no_directory(name)
        tempfile.NamedTemporaryFile(dir=self.directory).close()
        link = os.path.join(self.directory, f"current.{secrets.token_hex(4)}.tmp")
        with tempfile.NamedTemporaryFile(dir=self.blobs) as probe:
            try:
                os.fchmod(probe.fileno(), 0o444)
                os.symlink(f"../../.blobs/{os.path.basename(probe.name)}", link)
                os.unlink(link)
            except OSError as error:
                what = (
                    f"{self.manifest.root}: this file system has no symbolic links, or no file modes ({error.strerror})"
                )
                raise ExitError(73, f"{what}; weights need both: use one such as NFS, ext4 or XFS") from None

    def require_room(self, missing: list[File]) -> None:
        """Compare the space with what is still to be written; ExitError 73."""
        if not missing:
            return
        need, margin = sum(file.size for file in missing), self._margin(missing)
        for file in missing:
            with contextlib.suppress(FileNotFoundError):
                need -= os.stat(f"{self.blob(file)}.part").st_blocks * 512
        if (free := self._free_bytes()) < need + margin:
            what = f"{need >> 20} MiB to fetch and {margin >> 20} MiB to keep free, but {free >> 20} MiB are free"
            raise ExitError(73, f"{self.manifest.root}: {what}; enlarge the volume or prune old generations")

    def has_room_beside_others(self, file: File, part: str, proved: bool) -> bool:
        """Is there room for this part and for those that others are writing? Each of them is as long as its file, with
        holes, so that whoever looks sees what it will take.
        """
        try:
            found = os.stat(part)
        except FileNotFoundError:  # another has ended meanwhile, and our first write will tell
            return True
        others = parts.lacking_bytes(self.blobs, part, found.st_mtime, proved)
        need = max(0, file.size - found.st_blocks * 512)
        return not others or self._free_bytes() >= need + others + self._margin([file])

    def _margin(self, files: list[File]) -> int:
        return max(self.manifest.margin_bytes, sum(file.size for file in files) // 20)

    def _free_bytes(self) -> int:
        found = os.statvfs(self.blobs)
        return found.f_bavail * found.f_frsize

    def publish(self) -> None:
        """Links first, READY.json last: who sees READY.json sees everything it names."""
        os.makedirs(self.directory, exist_ok=True)
        for file in self.manifest.files:
            replace_link(os.path.join(self.directory, file.link), f"../../.blobs/sha256-{file.sha256}")
        restore(self.manifest.root, self._is_proved)
        names = {key: getattr(self.manifest, key) for key in ("id", "gen", "repo", "commit")}
        files = [{key: said for key, said in vars(file).items() if said} for file in self.manifest.files]
        replace(os.path.join(self.directory, READY), {**names, "files": files})
        # Prune may have judged a blob before anything named it.
        if gone := [file.path for file in self.manifest.files if not os.path.exists(self.blob(file))]:
            os.unlink(os.path.join(self.directory, READY))
            raise ExitError(74, f"{', '.join(gone)} went while the model was published; the next run fetches it again")
        published = os.path.join(self.manifest.root, PUBLISHED)
        os.makedirs(published, exist_ok=True)
        replace(os.path.join(published, f"{self.manifest.id}-{self.manifest.gen}"), names)
        if os.path.lexists(
            withdrawn := os.path.join(self.directory, WITHDRAWN)
        ):  # a read-only volume refuses any unlink
            with contextlib.suppress(FileNotFoundError):
                os.unlink(withdrawn)
        replace_link(os.path.join(self.manifest.root, self.manifest.id, "current"), self.manifest.gen)
