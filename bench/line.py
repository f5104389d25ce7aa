"""The line of `make bench-fetch`: storage that serves one file by sendfile, as fast as it can or no faster than asked.

Stands behind the local hub in place of its CDN, which reads and writes every byte in Python and so costs a core that
the downloaders need.
"""

import os
import re
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, cast

_WHOLE_BYTES, _PACED_BYTES = 4 << 20, 256 << 10
_MAKE_UP_S = 0.02
_FIRST_WINDOW_BYTES = 10 * 1460  # RFC 6928; TCP sends no more before it hears of the first


class Clock(Protocol):
    """What the line needs of the module `time`."""

    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


class Bucket:
    """Bytes at `rate_bytes_s`, together for all who share it. A pause that lasts too long is made up for, up to 20 ms
    of it: a late wake-up is this machine's fault, a client that does not read is the client's.
    """

    def __init__(self, rate_bytes_s: float, clock: Clock = time) -> None:
        self._rate, self._clock, self._lock = rate_bytes_s, clock, threading.Lock()
        self._free_at_s = clock.monotonic()

    def reserve(self, size: int) -> float:
        """Seconds until `size` more bytes are through; none or less: now."""
        with self._lock:
            now = self._clock.monotonic()
            self._free_at_s = max(self._free_at_s, now - _MAKE_UP_S) + size / self._rate
            return self._free_at_s - now


class Distance:
    """One connection to a place `round_trip_s` away, as TCP behaves there: a handshake, a window that begins small and
    grows by every byte that was acknowledged (slow start), a round trip for each request.
    """

    def __init__(self, round_trip_s: float, clock: Clock = time) -> None:
        self._round_trip_s, self._clock, self._window, self._begun = round_trip_s, clock, _FIRST_WINDOW_BYTES, False

    def ask(self) -> None:
        """Wait as a request does, the first one of the connection for its handshake too."""
        self._clock.sleep(self._round_trip_s * (1 if self._begun else 2))
        self._begun = True

    def reserve(self, size: int) -> float:
        """Seconds that `size` more bytes take through the window, which then is larger by so many."""
        seconds = size * self._round_trip_s / self._window
        self._window += size
        return seconds

    @property
    def most_bytes(self) -> int:
        return self._window


class Line:
    """Serves `file` at /<anything>/<sha256> as a context manager; `sent_bytes`, `requests` and `active` count since
    the last `limit`. The one byte by which a fetcher asks whether ranges are served is a request too.
    """

    def __init__(self, file: Path, sha256: str, clock: Clock = time) -> None:
        self.file, self.sha256, self.clock, self.lock = file, sha256, clock, threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self.port: int = self._server.server_address[1]
        self.limit()

    def limit(
        self,
        connection_bytes_s: float | None = None,
        total_bytes_s: float | None = None,
        round_trip_s: float | None = None,
    ) -> None:
        """From now on: this fast per connection, this fast all together, so far away; None: unlimited, near."""
        self.connection_bytes_s, self.round_trip_s = connection_bytes_s, round_trip_s
        self.total = Bucket(total_bytes_s, self.clock) if total_bytes_s else None
        self.sent_bytes = self.requests = self.active = 0

    def buckets(self) -> list[Bucket]:
        """The buckets that limit the speed of one answer."""
        own = [Bucket(self.connection_bytes_s, self.clock)] if self.connection_bytes_s else []
        return own + ([self.total] if self.total else [])

    def count(self, *, sent_bytes: int = 0, requests: int = 0, active: int = 0) -> None:
        with self.lock:
            self.sent_bytes += sent_bytes
            self.requests += requests
            self.active += active

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], line: Line) -> None:
        super().__init__(address, _Handler)
        self.line = line


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    distance: Distance | None = None

    def log_message(self, *_: object, **__: object) -> None:
        """Bytes are counted, not printed."""

    def do_GET(self) -> None:
        line = cast(_Server, self.server).line
        line.count(requests=1, active=1)
        try:
            if line.round_trip_s:
                self.distance = self.distance or Distance(line.round_trip_s, line.clock)
                self.distance.ask()
            with suppress(ConnectionError):  # the client went away, killed perhaps
                self._answer(line)
                return
            self.close_connection = True
        finally:
            line.count(active=-1)

    do_HEAD = do_GET  # noqa: N815 - the name http.server calls

    def _answer(self, line: Line) -> None:
        size = line.file.stat().st_size
        if self.path.partition("?")[0].rpartition("/")[2] != line.sha256:
            return self._begin(404, {"Content-Length": 0})
        start, end, headers = 0, size, {"Accept-Ranges": "bytes", "ETag": f'"{line.sha256}"'}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(asked[1]), min(int(asked[2] or size - 1) + 1, size)
            if start >= end:
                return self._begin(416, {"Content-Length": 0, "Content-Range": f"bytes */{size}"})
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        self._begin(206 if asked else 200, {"Content-Length": end - start, **headers})
        if self.command != "HEAD":
            self._send(line, start, end, line.buckets())
        return None

    def _begin(self, status: int, headers: dict[str, str | int]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def _send(self, line: Line, start: int, end: int, buckets: Iterable[Bucket]) -> None:
        most = _PACED_BYTES if buckets or self.distance else _WHOLE_BYTES
        with line.file.open("rb") as source:
            while start < end:
                size = min(most, end - start, self.distance.most_bytes if self.distance else most)
                pause_s = max((bucket.reserve(size) for bucket in buckets), default=0.0)
                if self.distance:
                    pause_s = max(pause_s, self.distance.reserve(size))
                if pause_s > 0:
                    line.clock.sleep(pause_s)
                sent = os.sendfile(self.connection.fileno(), source.fileno(), start, size)
                start += sent
                line.count(sent_bytes=sent)
