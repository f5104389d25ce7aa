"""One file on its way to the volume: several streams, a journal that survives SIGKILL, and the hash close behind them.

A segment enters the journal after fdatasync, so the journal is true after a power cut too. The lock on the part only
saves work: two writers write the same bytes, each verifies them, and the rename happens once.
"""

import contextlib
import fcntl
import hashlib
import http.client
import os
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from pods.core.report import ExitError, Progress, say
from pods.fetch.hub import Hub, RetryError, persist
from pods.fetch.manifest import File
from pods.fetch.model_on_volume import Volume
from pods.fetch.slots import Patience, Slots
from pods.volume.files import SYNC_BYTES, hash_range
from pods.volume.quarantine import quarantine

CHUNK_BYTES = 256 << 10


class Segment:
    """A stretch of the file; `got` bytes of it are written, `done` when they are synced and in the journal."""

    def __init__(self, start: int, size: int, done: bool) -> None:
        self.start, self.size, self.done, self.got = start, size, done, size if done else 0


class Download:
    """Fetches one file into .blobs. Streams write segments; the caller's thread hashes them in order."""

    def __init__(self, volume: Volume, hub: Hub, slots: Slots, file: File, progress: Progress) -> None:
        self.volume, self.hub, self.slots, self.file, self.progress = volume, hub, slots, file, progress
        self.part = f"{volume.blob(file)}.part"
        self.journal = f"{self.part}.journal"
        m = self.manifest = volume.manifest
        self.url = f"{m.endpoint}/{m.repo}/resolve/{m.commit}/{quote(file.path)}"
        self.source, self.segments = self.url, list[Segment]()
        self.error: Exception | None = None
        self.asking, self.turn = threading.Lock(), threading.Condition()

    def run(self) -> None:
        """Return when the blob is there; a wrong checksum is tried once more from zero, then ExitError 65."""
        for last_try in (False, True):
            if (fd := self.claim()) is None:
                return None
            try:
                found = self.transfer(fd)
                if found == self.file.sha256:
                    return self.keep(fd)
                self.discard(fd)
            finally:
                os.close(fd)
            what = f"{self.file.path}: expected sha256 {self.file.sha256}, got {found}"
            if last_try:
                raise ExitError(65, f"{what}, twice")
            say("corrupt", reason=what)
        return None

    def claim(self) -> int | None:
        """Open the part for us alone, as far as the volume has locks; None when the blob is there."""
        patience = Patience(self.manifest.patience_s)
        while not self.volume.has(self.file):
            if self.slots.take():
                self.volume.require_room([self.file])
            fd = os.open(self.part, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not patience.is_over(self.part):
                    os.close(fd)
                    self.slots.release()  # who only waits for this file must not keep others from theirs
                    self.progress.show(f"{self.file.path} (another fetcher has it)", 0)
                    time.sleep(self.manifest.backoff_s)
                    continue
                say("no-lock", reason=f"no sign of life from the fetcher that has {self.part} locked")
            except OSError as error:
                say("no-lock", reason=str(error))
            with contextlib.suppress(FileNotFoundError):  # it may have become the blob since we opened it
                if os.stat(self.part).st_ino == os.fstat(fd).st_ino:
                    if not self.volume.has(self.file):
                        return fd
                    self.volume.forget_part(self.file)  # finished between our look and our lock: this part is a new one
            os.close(fd)
        return None

    def transfer(self, fd: int) -> str:
        """Complete the part; returns its sha256."""
        self.source, ranges = persist(self.manifest, self.locate)
        self.resume(fd, self.manifest.segment_bytes if ranges else self.file.size)
        todo = iter([segment for segment in self.segments if not segment.done])
        for _ in range(self.manifest.streams):
            # A descriptor of its own: another stream's error closes ours while this one still writes, and the number
            # would by then belong to some other file.
            threading.Thread(target=self.stream, args=(os.dup(fd), todo), daemon=True).start()
        sha = hashlib.sha256()
        for segment in self.segments:
            with self.turn:
                while not (segment.done or self.error):
                    self.turn.wait(0.5)
                    self.show()
            if self.error:
                raise self.error
            hash_range(fd, segment.start, segment.size, sha, self.show)
        return sha.hexdigest()

    def locate(self) -> tuple[str, bool]:
        return self.hub.resolve(self.url, self.file.sha256)

    def show(self) -> None:
        self.progress.show(self.file.path, sum(segment.got for segment in self.segments))

    def resume(self, fd: int, segment_bytes: int) -> None:
        """Divide the file into segments and take over what an earlier run wrote into the journal."""
        size, done = self.file.size, set[str]()
        if os.fstat(fd).st_size == size:
            with contextlib.suppress(FileNotFoundError), open(self.journal) as lines:
                done = set(lines.read().splitlines())
        else:
            _remove(self.journal)
            os.ftruncate(fd, size)  # sparse: posix_fallocate writes zeros over the wire where NFS has no 4.2
        lengths = {start: min(segment_bytes, size - start) for start in range(0, size, segment_bytes)}
        self.segments = [Segment(start, length, f"{start} {length}" in done) for start, length in lengths.items()]
        say("fetch", file=self.file.path, bytes=size, present_bytes=sum(segment.got for segment in self.segments))

    def stream(self, fd: int, todo: Iterator[Segment]) -> None:
        """Body of one thread: take the next segment until there is none; an error ends the whole download."""
        try:
            for segment in todo:
                if self.error:
                    return
                persist(self.manifest, partial(self.receive, fd, segment), lambda segment=segment: segment.got)
                with self.turn:
                    segment.done = True
                    self.turn.notify()
        except Exception as error:
            with self.turn:
                self.error = error
                self.turn.notify()
        finally:
            os.close(fd)

    def receive(self, fd: int, segment: Segment) -> None:
        """Fetch the rest of a segment and enter it into the journal."""
        source = self.source
        try:
            with self.hub.get(source, segment.start + segment.got, segment.start + segment.size - 1) as answer:
                self.hub.judge(answer, source)
                skip = self.match(answer, segment)
                while segment.got < segment.size:
                    data = _read(answer, min(CHUNK_BYTES, skip or segment.size - segment.got))
                    if skip:
                        skip -= len(data)
                    else:
                        _write(fd, data, segment)
        except RetryError as error:
            with self.asking:  # one stream asks, the others find the new address
                if error.moved and source == self.source:
                    self.source, _ = self.locate()
            raise
        os.fdatasync(fd)
        journal = os.open(self.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(journal, f"\n{segment.start} {segment.size}\n".encode())  # apart from a torn line before it
        finally:
            os.close(journal)

    def match(self, answer: Any, segment: Segment) -> int:
        """Check that the answer is about the locked file; returns how many bytes to skip where Range was ignored."""
        size, first = self.file.size, segment.start + segment.got
        if answer.status == 206:
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
            if not found or int(found[1]) != first:
                raise RetryError(f"{self.file.path}: asked for bytes from {first}, the answer is about others")
            total = found[2].replace("*", str(size))
        elif segment.size != size:
            raise RetryError(f"{self.file.path}: the whole file came instead of a part")
        else:
            total = answer.headers.get("Content-Length", str(size))
        if total != str(size):
            raise ExitError(65, f"{self.file.path}: {total} bytes at the hub, {size} in the lock")
        return 0 if answer.status == 206 else segment.got

    def keep(self, fd: int) -> None:
        """Turn the verified part into the blob. The receipt comes first, so that nobody hashes the blob again."""
        os.fchmod(fd, 0o444)
        os.fsync(fd)
        self.volume.receipt(self.file, fd)
        try:
            os.replace(self.part, self.volume.blob(self.file))
        except FileNotFoundError:  # NFS repeats a rename that succeeded; or another fetcher was first
            if not self.volume.has(self.file):
                raise
        _remove(self.journal)

    def discard(self, fd: int) -> None:
        """Drop a part with wrong bytes."""
        self.volume.forget_part(self.file)
        blob = self.volume.blob(self.file)
        with contextlib.suppress(FileNotFoundError):  # where locks lie, the part may have become the blob under us
            if os.stat(blob).st_ino == os.fstat(fd).st_ino:
                quarantine(self.manifest.root, self.file.sha256)


def _read(answer: Any, limit: int) -> bytes:
    try:
        data = answer.read1(limit)  # not read(): it would wait for all of `limit`, and a trickle never times out
    except (OSError, http.client.HTTPException) as error:
        raise RetryError(f"in the middle of the body: {error}") from None
    if not data:
        raise RetryError("the body ended early")
    return data


def _write(fd: int, data: bytes, segment: Segment) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, segment.start + segment.got)
        before, segment.got = segment.got, segment.got + written
        view = view[written:]
        if before // SYNC_BYTES != segment.got // SYNC_BYTES:
            os.fdatasync(fd)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
