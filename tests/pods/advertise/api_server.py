"""An API server of nodes alone: label selectors, merge patches of their status, and the faults that a test orders."""

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "of-the-service-account"
Object = dict[str, Any]
# Asked with method and path; True when it has dealt with the request itself.
Fault = Callable[["_Handler", str, str], bool]


class ApiServer:
    """`nodes` by name, as a test changes them meanwhile; `asked` is every request so far."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.nodes: dict[str, Object] = {}
        self.asked: list[tuple[str, str]] = []
        self.fault: Fault | None = None
        self.token = TOKEN
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.api = self  # type: ignore[attr-defined]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def register(self, name: str, **labels: str) -> None:
        """A node as its kubelet registers it: whatever was advertised before is gone."""
        size = {"cpu": "16", "nvidia.com/gpu": "100"}
        metadata = {"name": name, "labels": {key.replace("_", "/"): value for key, value in labels.items()}}
        self.nodes[name] = {"metadata": metadata, "status": {"capacity": dict(size), "allocatable": dict(size)}}

    def offered(self, name: str, resource: str) -> tuple[Any, Any]:
        status = self.nodes[name]["status"]
        return status["capacity"].get(resource), status["allocatable"].get(resource)


def refuse(code: int, message: str, method: str = "") -> Fault:
    """Answer so, to every request or to those of one method."""

    def fault(handler: "_Handler", asked: str, _path: str) -> bool:
        if method and asked != method:
            return False
        handler.answer(code, {"kind": "Status", "message": message})
        return True

    return fault


def hang(handler: "_Handler", *_: str) -> bool:
    while handler.connection.recv(1 << 16):  # until whoever asks has had enough
        pass
    handler.close_connection = True
    return True


def reset(handler: "_Handler", *_: str) -> bool:
    linger = b"\1\0\0\0\0\0\0\0"
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()
    handler.close_connection = True  # the socket lives as long as the handler's files of it
    return True


def half(handler: "_Handler", *_: str) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"items": [')
    handler.close_connection = True
    return True


def nonsense(handler: "_Handler", *_: str) -> bool:
    handler.answer(200, {"items": None})
    return True


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def answer(self, code: int, body: Object) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            self.close_connection = True  # the test reset it

    def do_GET(self) -> None:
        self._do(self._list)

    def do_PATCH(self) -> None:
        self._do(self._patch)

    def _do(self, serve: Callable[[ApiServer], None]) -> None:
        api: ApiServer = self.server.api  # type: ignore[attr-defined]
        api.asked.append((self.command, self.path))
        if api.fault and api.fault(self, self.command, self.path):
            return
        if self.headers["Authorization"] != f"Bearer {api.token}":
            self.answer(401, {"message": "Unauthorized"})
        else:
            serve(api)

    def _list(self, api: ApiServer) -> None:
        url = urlsplit(self.path)
        assert url.path == "/api/v1/nodes", url.path
        (selector,) = parse_qs(url.query)["labelSelector"]
        wanted = dict(pair.split("=") for pair in selector.split(","))
        found = [node for node in api.nodes.values() if wanted.items() <= node["metadata"]["labels"].items()]
        self.answer(200, {"kind": "NodeList", "items": found})

    def _patch(self, api: ApiServer) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        *_, name, last = unquote(self.path).split("/")
        assert last == "status"
        if name not in api.nodes:
            return self.answer(404, {"message": f'nodes "{name}" not found'})
        _merge(api.nodes[name], body)
        return self.answer(200, api.nodes[name])


def _merge(target: Object, patch: Object) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value
