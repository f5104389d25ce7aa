"""The streams of one download: each takes the next segments of a part, asks for them in one request, writes them.

Longer runs of segments on a faster line, so that a distant server's round trip is paid seldom; the journal (part.py)
knows single segments all the same. Where a whole file comes instead of a part, one stream takes of it what is missing
and the others wait.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from pods.fetch.hub import Hub, first_byte, persist
from pods.fetch.manifest import File, Manifest
from pods.fetch.part import Part, Segment
from pods.fetch.wire import Answer, RetryError
from pods.volume.parts import SIGN_OF_LIFE_S

CHUNK_BYTES = 256 << 10
RUN_S = 2.0  # a request is to last this long: ten times the round trip to another continent
RUN_SEGMENTS = 8  # what streams write ahead of the hash lies in the page cache, which is the pod's memory


class Streams:
    """`url` is the file's address at the endpoint; where it leads to is asked for at the start, and when that moved."""

    def __init__(self, manifest: Manifest, hub: Hub, file: File, part: Part, url: str) -> None:
        self._manifest, self._hub, self._file, self._part, self._url, self._source = manifest, hub, file, part, url, url
        self._todo = deque(segment for segment in part.segments if not segment.done)
        self._error: Exception | None = None
        self._asking, self._turn, self._whole = threading.Lock(), threading.Condition(), threading.Lock()
        self._touched_s = time.monotonic()
        self._wholes = 0  # so many times in a row the whole file came instead of a part

    def start(self) -> None:
        if not self._todo:
            return
        self._source, ranges = persist(self._manifest, self._locate)
        self._wholes = 0 if ranges else 1
        for _ in range(self._manifest.streams):
            threading.Thread(target=self._stream, args=(self._part.twin(),), daemon=True).start()

    def wait(self, segment: Segment, show: Callable[[], None]) -> None:
        """Return when the segment is done; raises what a stream met. Shows on the volume that we live."""
        with self._turn:
            while not (segment.done or self._error):
                self._turn.wait(0.5)
                self._live(show)
        if self._error:
            raise self._error
        self._live(show)

    def _live(self, show: Callable[[], None]) -> None:
        show()
        if time.monotonic() - self._touched_s > SIGN_OF_LIFE_S:
            self._part.touch()
            self._touched_s = time.monotonic()

    def _locate(self) -> tuple[str, bool]:
        return self._hub.resolve(self._url, self._file)

    def _stream(self, part: Part) -> None:
        """Body of one thread: take the next segments until there are none; an error ends the whole download."""
        rate_bytes_s = 0.0
        worth = max(1, self._manifest.segment_bytes // self._manifest.attempts)  # a byte a try is no progress
        try:
            while (run := self._next_run(rate_bytes_s)) and not self._error:
                began_s, missing = time.monotonic(), sum(segment.size - segment.got for segment in run)
                while not (self._error or all(segment.done for segment in run)):
                    persist(self._manifest, partial(self._receive, part, run), partial(self._got, run), worth)
                rate_bytes_s = missing / max(time.monotonic() - began_s, 1e-3)
        except Exception as error:
            with self._turn:
                self._error = self._error or error
                self._turn.notify()
        finally:
            part.close()

    def _got(self, run: list[Segment]) -> int:
        """What counts as progress of a stream: its own bytes, or everybody's where one brings the whole file."""
        return self._part.got if self._wholes else sum(segment.got for segment in run)

    def _next_run(self, rate_bytes_s: float) -> list[Segment]:
        """Segments that lie together: as many as the line brings in RUN_S, few enough that all streams end together."""
        with self._turn:
            share = len(self._todo) // (2 * self._manifest.streams)
            most = max(1, min(RUN_SEGMENTS, share, int(rate_bytes_s * RUN_S / self._manifest.segment_bytes)))
            run = list[Segment]()
            while self._todo and len(run) < most and (not run or self._todo[0].start == run[-1].end):
                run.append(self._todo.popleft())
            return run

    def _receive(self, part: Part, run: list[Segment]) -> None:
        """Ask for what a run lacks, as far as it lies together, and write it."""
        with self._whole:  # who brings the whole file may bring this, too
            lacking = [segment for segment in run if not segment.done]
        if not lacking:
            return
        wanted = lacking[:1]
        for segment in lacking[1:]:
            wanted += [segment] if segment.start == wanted[-1].end else []
        first, source = lacking[0].start + lacking[0].got, self._source
        try:
            with self._hub.get(source, first, wanted[-1].end - 1) as answer:
                self._hub.judge(answer, source, self._file, first=source == self._url)
                if (at := first_byte(answer, source)) == first and answer.status == 206:
                    self._wholes = 0
                    self._fill(part, answer, at, wanted)
                elif answer.status == 200:
                    self._receive_whole(part, answer)
                else:
                    what = f"{self._file.path}: asked for bytes from {first}, the answer is about others"
                    raise RetryError(what, moved=True)
        except RetryError as error:
            with self._asking:  # one stream asks, the others find the new address
                if error.moved and source == self._source:
                    self._source, _ = self._locate()
            raise

    def _receive_whole(self, part: Part, answer: Answer) -> None:
        """Take what is missing out of the whole file; the first time, in doubt, only ask again for a part."""
        self._wholes += 1
        if self._wholes == 1 and len(part.segments) > 1:
            raise RetryError(f"{self._file.path}: the whole file came instead of a part")
        if self._whole.acquire(blocking=False):  # else another stream does this: see afterwards what is left
            try:
                self._fill(part, answer, 0, part.segments)
            finally:
                self._whole.release()

    def _fill(self, part: Part, answer: Answer, at: int, segments: list[Segment]) -> None:
        """Write what comes from offset `at` on into those of these segments that lack it."""
        for segment in segments:
            with segment.lock:
                start = segment.end if segment.done else segment.start + segment.got
                while at < start:
                    at += len(_read(answer, start - at))
                while at < segment.end:
                    part.write(segment, data := _read(answer, segment.end - at))
                    at += len(data)
                if not segment.done:
                    part.finish(segment)
            with self._turn:
                self._turn.notify()


def _read(answer: Answer, most: int) -> bytes:
    if data := answer.read(min(CHUNK_BYTES, most)):
        return data
    raise RetryError("the body ended early")
