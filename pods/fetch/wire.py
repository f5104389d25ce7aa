"""Connections that are kept, so that a stream asks for its next bytes on the one that brought the last, and a watchdog.

A time limit on each read is not enough: every byte of a trickle, or of headers that come one by one, starts it anew. So
whatever brings fewer than `floor_bytes_s` in the time that we wait for it is ended. Our own disk's time does not count.
"""

import contextlib
import http.client
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pods.core.report import printable

_DRAINED_BYTES = 4096
# connection.py's Routes.open: from an address and seconds of patience, a connection and what its requests begin with.
Opener = Callable[[SplitResult, float], tuple[http.client.HTTPConnection, str]]


class RetryError(Exception):
    """This attempt failed, another may succeed; `after_s` as the server asked. `moved`: ask for the address again."""

    def __init__(self, what: str, after_s: float | None = None, moved: bool = False) -> None:
        super().__init__(what)
        self.after_s, self.moved = after_s, moved


class _Line:
    """One connection; `got` bytes of bodies came over it in `waited_s` of waiting since the watchdog's last look."""

    def __init__(self, connection: http.client.HTTPConnection, prefix: str) -> None:
        self.connection, self.prefix, self.reused, self.ended = connection, prefix, False, False
        self._sock: socket.socket | None = None
        self.rest()

    def rest(self) -> None:
        """Nothing is awaited any more; what was counted is forgotten."""
        self._got, self._waited_s, self._since = 0, 0.0, None

    def ask(self, target: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        self._since = time.monotonic()
        if not self.connection.sock:
            self.connection.connect()
        self._sock = self.connection.sock  # after the answer's headers the connection may have let go of it
        self.connection.request("GET", self.prefix + target, headers=headers)
        answer = self.connection.getresponse()
        self._pause(0)
        if self.ended:  # http.client takes headers that were cut off for whole ones
            raise ConnectionAbortedError
        return answer

    def read(self, answer: http.client.HTTPResponse, limit: int) -> bytes:
        self._since = time.monotonic()
        data = answer.read1(limit)  # not read(): it would wait for all of `limit`
        self._pause(len(data))
        if len(data) > limit:  # http.client does so for a chunk of fewer than no bytes; they would go where others are
            raise http.client.HTTPException(f"{len(data)} bytes came where {limit} were asked for")
        return data

    def _pause(self, got: int) -> None:
        since, self._since = self._since, None
        self._got, self._waited_s = self._got + got, self._waited_s + time.monotonic() - (since or 0.0)

    def look(self, stall_s: float, floor_bytes_s: float) -> None:
        """End the connection when we have waited for so long and got too little."""
        if (since := self._since) is None or self._waited_s + time.monotonic() - since < stall_s:
            return
        if self._got >= floor_bytes_s * stall_s:
            self._got, self._waited_s, self._since = 0, 0.0, time.monotonic()
            return
        self.ended = True
        if sock := self._sock or self.connection.sock:
            with contextlib.suppress(OSError):  # of the plain socket: SSLSocket's own would let ciphertext through
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def is_quiet(self) -> bool:
        """Has nothing come since the last answer? An end, or what nobody asked for, is none to the next request."""
        waiting = select.poll()
        if self.connection.sock:
            waiting.register(self.connection.sock, select.POLLIN)
        return not waiting.poll(0)

    def close(self) -> None:
        self.connection.close()


class Answer:
    """Status, headers and body of one request. Its connection is kept where the body was read to its end."""

    def __init__(self, wire: "Wire", line: _Line, response: http.client.HTTPResponse, key: tuple[str, str]) -> None:
        self._wire, self._line, self._response, self._key = wire, line, response, key
        self.status, self.headers = response.status, response.headers

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes as soon as some are there; none at the end. Raises RetryError."""
        try:
            if (data := self._line.read(self._response, limit)) or not self._line.ended:
                return data
            raise ConnectionAbortedError
        except (OSError, http.client.HTTPException) as error:
            raise self._wire.failure("in the middle of the body", error, self._line) from None

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: Any) -> None:
        with contextlib.suppress(RetryError):  # a redirect has a few words in its body, too
            while 0 < (self._response.length or 0) <= _DRAINED_BYTES and self.read(_DRAINED_BYTES):
                pass
        # After an interim answer the real one is still on its way (RFC 9110, 15.2).
        whole = (
            self.status >= 200 and self._response.length == 0 and not self._response.will_close and not self._line.ended
        )
        self._response.close()
        self._wire.give_back(self._line, self._key if whole else None)


class Wire:
    """Connections to any number of origins, for any number of threads."""

    def __init__(self, stall_s: float, floor_bytes_s: float, opener: Opener) -> None:
        self._stall_s, self._floor_bytes_s, self._open = stall_s, floor_bytes_s, opener
        self._lock, self._busy, self._idle = threading.Lock(), set[_Line](), dict[tuple[str, str], list[_Line]]()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; follows nothing. Raises RetryError when none comes."""
        parts = urlsplit(url)
        key, target = (parts.scheme, parts.netloc), (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        while True:
            line = self._line(key, parts)
            try:
                return Answer(self, line, line.ask(target, headers), key)
            except (OSError, http.client.HTTPException) as error:
                self.give_back(line, None)
                if line.reused and not line.ended and isinstance(error, ConnectionError):
                    continue  # closed by the server since the last answer, which is its right
                raise self.failure(shown(url), error, line) from None

    def failure(self, where: str, error: Exception, line: _Line) -> RetryError:
        if line.ended:
            rate = f"fewer than {self._floor_bytes_s / 1024:g} KiB/s for {self._stall_s:g} s"
            return RetryError(f"{where}: timed out, {rate}", moved=True)
        said = printable(str(error)[:200]) or type(error).__name__
        if isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError):
            said = f"the answer is no HTTP ({said})"
        return RetryError(f"{where}: {said}", moved=True)

    def give_back(self, line: _Line, key: tuple[str, str] | None) -> None:
        """Keep the connection for the next request to this origin; end it where there is none to keep it for."""
        line.rest()
        with self._lock:
            self._busy.discard(line)
            if key and not self._ended.is_set():
                self._idle.setdefault(key, []).append(line)
                return
        line.close()

    def close(self) -> None:
        """End the watchdog and every connection that no request uses; the others end with their answer."""
        with self._lock:
            self._ended.set()
            idle, self._idle = self._idle, {}
        for line in [line for lines in idle.values() for line in lines]:
            line.close()

    def _line(self, key: tuple[str, str], url: SplitResult) -> _Line:
        with self._lock:
            line = self._kept(key) or _Line(*self._open(url, self._stall_s))
            self._busy.add(line)
        return line

    def _kept(self, key: tuple[str, str]) -> _Line | None:
        idle = self._idle.get(key, [])
        while idle:
            line = idle.pop()
            if line.is_quiet():
                line.reused = True
                return line
            line.close()
        return None

    def _watch(self) -> None:
        while not self._ended.wait(min(1.0, self._stall_s / 4)):
            with self._lock:
                busy = list(self._busy)
            for line in busy:
                line.look(self._stall_s, self._floor_bytes_s)


def shown(url: str) -> str:
    """The address without what may be a secret: its query may be a signature, and it may name a user and a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
