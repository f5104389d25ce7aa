"""What a company puts before a hub: TLS with a certificate of its own, and a path below which the hub is."""

import http.client
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from dev.hub import Hub
from tests.pods.egress.authority import Authority

CDN, BESIDE = "cdn.test", "/_cdn"
_HEADERS = ("Content-Range", "Location", "ETag", "X-Linked-Etag", "X-Repo-Commit", "X-Error-Code", "Content-Type")


class Front(ThreadingHTTPServer):
    """Passes on to both origins of a hub: its CDN is cdn.test to whoever asks hub.test, and a path to all others.

    `seen` has the headers of each request, names in lower case.
    """

    daemon_threads, block_on_close = True, False

    def __init__(self, hub: Hub, authority: Authority | None = None, path: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub, self.path, self.scheme = hub, path, "https" if authority else "http"
        self.seen = list[dict[str, str]]()
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.certificate, authority.key)
            # The handshake is done by the connection's own thread, at its first read.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """A client that trusts nobody hangs up, which is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        front = cast(Front, self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        front.seen.append({**headers, ":path": self.path})
        host = headers["host"]
        cdn = f"{front.scheme}://{CDN}" if host.startswith("hub.test") else f"{front.scheme}://{host}{BESIDE}"
        of_cdn = host.startswith(CDN) or self.path.startswith(BESIDE)
        before = BESIDE if self.path.startswith(BESIDE) else "" if of_cdn else front.path
        if not self.path.startswith(f"{before}/"):
            self.send_error(404)
            return
        client = http.client.HTTPConnection("127.0.0.1", front.hub.cdn_port if of_cdn else front.hub.port)
        kept = ("range",) if before == BESIDE else ("range", "authorization")
        client.request(
            self.command,
            self.path.removeprefix(before),
            headers={name: headers[name] for name in kept if name in headers},
        )
        with client.getresponse() as answer:
            body = answer.read()
        client.close()
        self.send_response(answer.status)
        for name in _HEADERS:
            if value := answer.headers[name]:
                self.send_header(name, value.replace(f"http://127.0.0.1:{front.hub.cdn_port}", cdn))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object, **__: object) -> None:
        """Nothing to print."""
