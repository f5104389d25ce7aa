"""A server that answers whatever a test says, whoever asks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.serving import serving


@dataclass
class OddServer:
    """`bodies` by the beginning of a path, "" for all others; `asked` are the headers of every request."""

    url: str
    bodies: dict[str, bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def body(self, path: str) -> bytes:
        return self.bodies[max((begin for begin in self.bodies if path.startswith(begin)), key=len)]


@contextmanager
def answering(bodies: dict[str, bytes] | bytes, status: int = 200, **headers: str) -> Iterator[OddServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    with serving(server) as url:
        odd = OddServer(url, bodies if isinstance(bodies, dict) else {"": bodies}, status, headers)
        server.odd = odd  # type: ignore[attr-defined]
        yield odd


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        odd: OddServer = self.server.odd  # type: ignore[attr-defined]
        odd.asked.append(dict(self.headers))
        if length := int(self.headers.get("Content-Length") or 0):
            self.rfile.read(length)
        body = odd.body(self.path)
        self.send_response(odd.status)
        for name, value in {**odd.headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the base class's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args
