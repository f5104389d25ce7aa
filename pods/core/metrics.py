"""Numbers for Prometheus over HTTP: /metrics in its text format (0.0.4), /healthz and /readyz."""

import http.server
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable

from pods.core.report import ExitError

Sample = tuple[str, float]  # the model's id, or "" for a number without a model


def serve(port: int, render: Callable[[], str], lack: Callable[[], str] = str) -> None:
    """Answer on all addresses, IPv4 and IPv6, from threads of its own; raises ExitError 78 when the port is taken.

    `lack` tells what keeps /readyz from being 200, "" when nothing does.
    """

    def answer(path: str) -> tuple[int, str]:
        if path == "/readyz" and (missing := lack()):
            return 503, f"{missing}\n"
        if path == "/metrics":
            return 200, render()
        return (200, "ok\n") if path in ("/healthz", "/readyz") else (404, "/metrics, /healthz or /readyz\n")

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            status, body = answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("", port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = _listening(port)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _listening(port: int) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    of = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=of, dualstack_ipv6=both)
    except OSError as error:
        raise ExitError(78, f"port {port} cannot be listened on: {error.strerror}") from None


def family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    """One metric: its HELP, its TYPE and a line a sample."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f'{name}{{model="{model}"}} {value}' if model else f"{name} {value}" for model, value in samples]
    return "\n".join(lines) + "\n"
