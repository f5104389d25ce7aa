"""Where the corpus is tried: a directory, an environment with planted secrets, a server that answers anything."""

import contextlib
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import constants

from ops.__main__ import main
from tests import stacks
from tests.corpus.case import KEY, TOKEN
from tests.soak import SOAK

MORE = 12 if SOAK else 1  # times as many generated inputs
Reply = Callable[[str], bytes]


class Server(socketserver.ThreadingTCPServer):
    """Answers each request with the bytes that `reply` makes of its path, which need not be HTTP."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply: Reply = lambda _: http(b"")
        self.asked: list[bytes] = []  # heads of the last requests
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is none."""


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        if self.rfile.peek(1)[:1] == b"\x16":  # a client that begins with TLS
            return
        first, length = self.rfile.readline(65536).decode("latin-1"), 0
        self.server.asked = [*self.server.asked[-20:], first.encode("latin-1")]
        while (line := self.rfile.readline(65536)) not in (b"\r\n", b""):
            self.server.asked[-1] += line
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        self.wfile.write(self.server.reply(first.split(" ")[1] if first.count(" ") else ""))
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)


def http(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


@dataclass
class Place:
    """`directory` has the tests' stacks and their lock; programs run in it, and find a kubectl of the corpus."""

    directory: Path
    server: Server
    kubectl_says: Path
    made: int = 0

    def new(self, name: str) -> Path:
        """An empty directory."""
        self.made += 1
        path = self.directory.parent / f"{name}-{self.made}"
        path.mkdir()
        return path

    def ops(self, *arguments: str, inside: Path | None = None) -> None:
        """Run `python -m ops` in this process, as it runs in one of its own; raises SystemExit unless all is well."""
        with contextlib.chdir(inside or self.directory), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["ops", *arguments])
            try:
                main()
            except SystemExit as ended:  # typer ends with one always
                if ended.code not in (None, 0):
                    raise


@contextmanager
def opened(directory: Path) -> Iterator[Place]:
    """A place below `directory`."""
    here = directory / "here"
    here.mkdir()
    for file in stacks.EXAMPLE.glob("*.yaml"):
        (here / file.name).write_bytes(file.read_bytes())
    says = directory / "kubectl-says"
    _kubectl(directory / "bin" / "kubectl", says)
    with Server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}")
        config = directory / "kubeconfig"
        config.touch()
        env = {"HF_ENDPOINT": server.url, "HF_TOKEN": TOKEN, "LOCAL_LLM_API_KEY": KEY, "KUBECONFIG": str(config)}
        # Without certificates: nothing here is https, and reading all of them takes time.
        env["SSL_CERT_DIR"] = str(directory / "bin")
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        for name, value in {**env, "COLUMNS": "200", "NO_PROXY": "*"}.items():
            patch.setenv(name, value)
        patch.setattr(constants, "ENDPOINT", server.url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield Place(here, server, says)
        server.shutdown()


def _kubectl(program: Path, says: Path) -> None:
    """A kubectl that prints what lies in a file, on its standard error and with exit code 1 where `.bad` lies there."""
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nif [ -e "{says}.bad" ]; then cat "{says}.bad" >&2; exit 1; fi\nexec cat "{says}"\n')
    program.chmod(0o755)
