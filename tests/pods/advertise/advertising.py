"""The program that keeps a resource on nodes, as a process beside an API server."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.pods.advertise.api_server import TOKEN, ApiServer
from tests.pods.bench import until
from tests.pods.shelf import argv, of

RESOURCE = "viktorbarzin.me/gpumem"
BOTH = ("14k", "14k")  # capacity and allocatable, when it is advertised


class Advertiser:
    """`manifest` may be changed before the start; its lines and answers may be looked at after it."""

    def __init__(self, api: ApiServer, directory: Path) -> None:
        self.api, self.log, self.credentials = api, directory / "log", directory / "serviceaccount"
        self.credentials.mkdir()
        (self.credentials / "token").write_text(f"{TOKEN}\n")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.manifest: dict[str, Any] = {
            "resource": RESOURCE,
            "quantity": "14k",
            "selector": {"nvidia.com/gpu.present": "true"},
            "role": "llama-cpp-gpumem-advertise",
            "listen": self.port,
            "poll_s": 0.05,
            "timeout_s": 600,  # a busy machine is not a silent API server
            "api": api.url,
            "credentials": str(self.credentials),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, python: str = sys.executable) -> None:
        with self.log.open("wb") as log:
            command = argv("advertise", self.manifest, (python,))
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={"http_proxy": "http://127.0.0.1:1"})

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def wait(self, event: str, said: str = "") -> dict[str, Any]:
        """The first line about this event whose reason has these words."""

        def found() -> list[dict[str, Any]]:
            return [line for line in of(self.lines(), event) if said in line.get("reason", "")]

        assert self.process
        alive = self.process
        until(lambda: found() or alive.poll() is not None, f"{event} {said}")
        assert found(), self.log.read_text()
        return found()[0]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=300) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
