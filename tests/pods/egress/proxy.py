"""A proxy of the tests' own: CONNECT and absolute addresses, credentials, and what goes wrong with proxies."""

import base64
import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit


class EgressProxy(ThreadingHTTPServer):
    """`ways` says which port of this machine a HOST:PORT is, as nobody else here knows those names.

    `seen` has line and headers of each request, as text. A `fault` is a status to answer, or one of close, garbage,
    silent, trickle, page (200, and then no tunnel) and tunnel to nobody; `credentials` USER:PASSWORD that it wants.
    """

    daemon_threads, block_on_close = True, False

    def __init__(self, ways: dict[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ways, self.seen = ways, list[str]()
        self.fault: int | str = ""
        self.times: int | None = None  # so many requests have the fault; None: all
        self.credentials = ""
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.released = threading.Event()

    def shutdown(self) -> None:
        self.released.set()
        super().shutdown()

    def picked(self) -> int | str:
        """The fault for one request."""
        if self.times is not None:
            self.times -= 1
            if self.times < 0:
                return ""
        return self.fault

    def handle_error(self, *_: object) -> None:
        """Clients hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        if self._refused():
            return
        port = self._proxy.ways.get(self.path)
        if port is None:
            self.send_error(502, "no such host")
            return
        with socket.create_connection(("127.0.0.1", port)) as there:
            self.send_response(200, "Connection established")
            self.end_headers()
            back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
            back.start()
            _pump(self.connection, there)
            back.join()
        self.close_connection = True

    def do_GET(self) -> None:
        if self._refused():
            return
        parts = urlsplit(self.path)
        port = self._proxy.ways.get(f"{parts.hostname}:{parts.port or 80}")
        if port is None:
            self.send_error(502, "no such host")
            return
        client = http.client.HTTPConnection("127.0.0.1", port)
        hop = ("connection", "proxy-authorization", "proxy-connection")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in hop}
        client.request("GET", parts._replace(scheme="", netloc="").geturl(), headers=headers)
        with client.getresponse() as answer:
            body = answer.read()
        client.close()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @property
    def _proxy(self) -> EgressProxy:
        return cast(EgressProxy, self.server)

    def _refused(self) -> bool:
        proxy = self._proxy
        proxy.seen.append(f"{self.requestline}\n{self.headers}")
        wanted = f"Basic {base64.b64encode(proxy.credentials.encode()).decode()}"
        fault = proxy.picked()
        if proxy.credentials and self.headers["Proxy-Authorization"] != wanted:
            fault = 407
        if not fault:
            return False
        self.close_connection = True
        if isinstance(fault, int):
            self.send_error(fault)
        elif fault == "garbage":
            self.wfile.write(b"\x16\x03\x01 \x1b[31mnot a proxy\r\n\r\n")
        elif fault == "page":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
            self.wfile.flush()
            self.connection.sendall(b"<html><title>Sign in to the network</title></html>")
        elif fault == "trickle":
            while not proxy.released.wait(0.05):
                self.wfile.write(b"H")
        elif fault == "silent":
            proxy.released.wait()
        elif fault == "tunnel to nobody":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        return True

    def log_message(self, *_: object, **__: object) -> None:
        """Nothing to print."""


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
