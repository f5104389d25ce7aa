"""A hub that answers with bytes: every byte between the status line and the hangup is a test's own.

It redirects each file to /storage/1, /storage/2 and so on, and serves from there what a Range asks for, unless a test
says otherwise.
"""

import re
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast


@dataclass
class Request:
    """`first` and `last` are of the Range; `content` is the whole file."""

    path: str
    head: str
    first: int
    last: int
    content: bytes

    @property
    def is_for_bytes(self) -> bool:
        """A segment, and not the one byte by which an address is tried."""
        return self.path.startswith("/storage") and (self.first, self.last) != (0, 0)

    def part(self, body: bytes | None = None, *headers: str, status: str = "206 Partial Content") -> bytes:
        """The right answer to a Range, or another body and more headers in it."""
        body = self.content[self.first : self.last + 1] if body is None else body
        about = f"Content-Range: bytes {self.first}-{self.last}/{len(self.content)}"
        return answer(status, *headers, about, body=body)


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1", "surrogateescape") + body


# What is sent, and whether the connection ends after it; None: as a hub should.
Odd = Callable[[Request], tuple[bytes, bool] | bytes | None]


class RawHub(socketserver.ThreadingTCPServer):
    """`odd` is asked first about `times` requests that `only` picks; `asked` has all of them."""

    daemon_threads, block_on_close, request_queue_size = True, False, 64

    def __init__(self, content: bytes, family: int = socket.AF_INET) -> None:
        self.address_family = family
        super().__init__(("127.0.0.1" if family == socket.AF_INET else "::1", 0), _Handler)
        self.content, self.asked = content, list[Request]()
        self.odd: Odd = lambda _: None
        self.only: Callable[[Request], bool] = lambda request: request.is_for_bytes
        self.times = 1 << 30
        self.addresses, self.lock = 0, threading.Lock()
        host = "127.0.0.1" if family == socket.AF_INET else "[::1]"
        self.endpoint = f"http://{host}:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up, which is what some tests are about."""

    def about(self, request: Request) -> tuple[bytes, bool]:
        with self.lock:
            self.asked.append(request)
            is_odd = self.times > 0 and self.only(request)
            self.times -= is_odd
            self.addresses += "/resolve/" in request.path
        if is_odd and (told := self.odd(request)) is not None:
            return told if isinstance(told, tuple) else (told, False)
        if "/resolve/" in request.path:
            return answer("302 Found", f"Location: {self.endpoint}/storage/{self.addresses}"), False
        return request.part(), False


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        hub = cast(RawHub, self.server)
        while line := self.rfile.readline(65537):
            head = line.decode("latin-1")
            while (line := self.rfile.readline(65537)) not in (b"\r\n", b""):
                head += line.decode("latin-1")
            first, last = re.findall(r"(?i)^range: bytes=(\d+)-(\d+)", head, re.MULTILINE)[0]
            sent, ends = hub.about(Request(head.split()[1], head, int(first), int(last), hub.content))
            self.wfile.write(sent)
            if ends:
                return
