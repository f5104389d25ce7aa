"""The part of a file: what is written so far, the journal that vouches for it, and who may write on.

Nobody ever writes into an inode that another may publish. A part is taken up where its lock is proved to keep others
out (pods/volume/parts.py); else each run has one of its own, and copies into it what the journals of others vouch for.
To take a part up is to put a new journal in the place of the old. Who holds that, because his lock was lost while he
slept, sees before his next write that it has no name any more, and stops.

A line enters the journal after the bytes are synced, and is synced itself: a power cut costs what is under way.
"""

import contextlib
import errno
import os
import re
import secrets
import threading
from collections.abc import Generator

from pods.core.report import say
from pods.fetch.manifest import File
from pods.fetch.model_on_volume import Volume
from pods.volume import parts
from pods.volume.files import copy_range, open_own, sync_directory
from pods.volume.quarantine import LOST

_JOURNAL_BYTES = 16 << 20


class FencedError(Exception):
    """Another run has taken the part up."""


class Segment:
    """A stretch of the file; `got` bytes of it are written, `done` when they are synced and in the journal."""

    def __init__(self, start: int, size: int, done: bool) -> None:
        self.start, self.size, self.done, self.got = start, size, done, size if done else 0
        self.lock = threading.Lock()

    @property
    def end(self) -> int:
        return self.start + self.size


class Part:
    """A part that is ours, from `take` to `close`; `proved` tells by which of the two ways."""

    def __init__(self, volume: Volume, file: File, path: str, fd: int, proved: bool) -> None:
        self.volume, self.file, self.path, self.fd, self.proved = volume, file, path, fd, proved
        self.journal, self.segments = -1, list[Segment]()

    @classmethod
    def take(cls, volume: Volume, file: File, impatient: bool = False, anew: bool = False) -> "Part | None":
        """None while another has it; `impatient`: then one of our own. `anew`: what is there was wrong."""
        path = f"{volume.blob(file)}.part"
        if (fd := _opened_to_write(path)) is None:
            return None
        proved = parts.lock(fd, path)
        if proved is False and impatient:
            say("no-lock", reason=f"no sign of life from the fetcher that has {path} locked")
            proved = None
        if proved and os.fstat(fd).st_nlink > 1:  # somebody else's file by another name
            parts.remove(path)
        if proved is False or (proved and not is_at(fd, path)):  # it may have become the blob since we opened it
            os.close(fd)
            return None
        if proved is None:
            if os.fstat(fd).st_size == 0:  # made by us a moment ago
                parts.remove(path)
            os.close(fd)
            path = f"{volume.blob(file)}.{secrets.token_hex(4)}.part"
            fd = open_own(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        part = cls(volume, file, path, fd, bool(proved))
        try:
            part._begin(volume.manifest.segment_bytes, anew)
        except (FencedError, FileNotFoundError):  # another has ended meanwhile, and removed what is needed no more
            part.close()
            return None
        return part

    def _begin(self, segment_bytes: int, anew: bool) -> None:
        """Divide the file into segments, and take over what earlier runs wrote into their journals."""
        size, text = self.file.size, _text(f"{self.path}.journal")
        if anew or os.fstat(self.fd).st_size != size:
            text = ""
            os.ftruncate(self.fd, size)  # sparse: posix_fallocate writes zeros over the wire where NFS has no 4.2
        self._open_journal(text)
        known = _stretches(text, size)
        starts = range(0, size, segment_bytes)
        lengths = {start: min(segment_bytes, size - start) for start in starts}
        self.segments = [Segment(start, length, _covers(known, start, length)) for start, length in lengths.items()]
        self.touch()
        if not self.proved and not anew:
            self._inherit()

    @property
    def got(self) -> int:
        return sum(segment.got for segment in self.segments)

    def write(self, segment: Segment, data: bytes) -> None:
        """The next bytes of a segment; raises FencedError where the part is another's by now."""
        self._require_ours()
        view = memoryview(data)
        while view:
            written = os.pwrite(self.fd, view, segment.start + segment.got)
            segment.got += written
            view = view[written:]

    def finish(self, segment: Segment) -> None:
        """Enter a segment that is whole into the journal."""
        os.fdatasync(self.fd)
        self._require_ours()
        os.write(self.journal, f"{segment.start} {segment.size}\n".encode())
        os.fdatasync(self.journal)
        segment.done = True

    def fill_from(self, source: int, stretches: list[tuple[int, int]]) -> None:
        """Copy what `stretches` of another file have, as far as it is missing."""
        for segment in self.segments:
            if not segment.done and _covers(stretches, segment.start, segment.size):
                self._require_ours()
                copy_range(source, self.fd, segment.start, segment.size)
                self.finish(segment)
                segment.got = segment.size

    def touch(self) -> None:
        """A sign of life; raises FencedError."""
        self._require_ours()
        os.utime(self.fd)

    def twin(self) -> "Part":
        """The same with descriptors of its own: ours may be closed while it writes, and the numbers be other files'."""
        twin = Part(self.volume, self.file, self.path, os.dup(self.fd), self.proved)
        twin.journal, twin.segments = os.dup(self.journal), self.segments
        return twin

    def keep(self) -> None:
        """Turn the verified part into the blob. The receipt comes first, so that nobody hashes the blob again."""
        self._require_ours()
        blob = self.volume.blob(self.file)
        os.fchmod(self.fd, 0o444)
        os.fsync(self.fd)
        self.volume.receipt(self.file, self.fd)
        try:
            os.replace(self.path, blob)
        except FileNotFoundError:  # NFS repeats a rename that succeeded; or another fetcher was first
            if not self.volume.has(self.file):
                raise
        sync_directory(self.volume.blobs)
        parts.remove(self.path)
        parts.forget(blob)

    def discard(self) -> None:
        """Drop a part with wrong bytes."""
        parts.remove(self.path)

    def close(self) -> None:
        # A network file system may tell of a full disk here. What counts was synced, and told of itself.
        for fd in (self.fd, self.journal):
            with contextlib.suppress(OSError):
                os.close(fd)

    def _require_ours(self) -> None:
        try:
            if os.fstat(self.journal).st_nlink:
                return
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
        raise FencedError(self.path)

    def _open_journal(self, text: str) -> None:
        draft = f"{self.path}.journal.tmp"
        self.journal = open_own(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.write(self.journal, f"{text}\n".encode())  # apart from a torn line
        os.fsync(self.journal)
        os.replace(draft, f"{self.path}.journal")
        sync_directory(self.volume.blobs)

    def _inherit(self) -> None:
        """Take over what others journaled, and remove those of them that nobody works on any more."""
        now = os.fstat(self.fd).st_mtime
        for path in parts.of_blob(self.volume.blob(self.file)):
            if path == self.path:
                continue
            with contextlib.suppress(FileNotFoundError), _opened(path) as source:
                found = os.fstat(source)
                if found.st_size == self.file.size:
                    self._copy_from(source, path)
                if not parts.is_alive(path, found.st_mtime, now, proved=False):
                    parts.remove(path)

    def _copy_from(self, source: int, path: str) -> None:
        try:
            self.fill_from(source, _stretches(_text(f"{path}.journal"), self.file.size))
        except OSError as error:
            if error.errno not in LOST:
                raise
            say("not-inherited", part=path, reason=str(error))  # what is missing comes over the wire


@contextlib.contextmanager
def _opened(path: str) -> Generator[int]:
    fd = open_own(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def _opened_to_write(path: str) -> int | None:
    """The part, also where a run was killed that had it write-protected (`keep`); None where another ends."""
    try:
        return open_own(path, os.O_RDWR | os.O_CREAT)
    except PermissionError:
        if not os.access(os.path.dirname(path), os.W_OK | os.X_OK):
            raise
    with contextlib.suppress(FileNotFoundError), _opened(path) as fd:
        if (lock := parts.peek(path)) is not None:
            os.close(lock)
            os.fchmod(fd, 0o644)
            return open_own(path, os.O_RDWR | os.O_CREAT)
    return None


def is_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _text(journal: str) -> str:
    try:
        with _opened(journal) as source:
            return os.pread(source, _JOURNAL_BYTES, 0).decode(errors="replace")
    except FileNotFoundError:
        return ""


def _stretches(text: str, size: int) -> list[tuple[int, int]]:
    """What a journal vouches for, in order and without overlaps; of a torn line less than it meant, or nothing."""
    found = list[tuple[int, int]]()
    lines = re.findall(r"^([0-9]{1,18}) ([0-9]{1,18})\n", text, re.MULTILINE)
    for start, length in sorted((int(start), int(length)) for start, length in lines):
        if start + length > size:
            continue
        if found and start <= sum(found[-1]):
            first = found[-1][0]
            found[-1] = first, max(sum(found[-1]), start + length) - first
        else:
            found.append((start, length))
    return found


def _covers(stretches: list[tuple[int, int]], start: int, size: int) -> bool:
    return any(first <= start and start + size <= first + length for first, length in stretches)
