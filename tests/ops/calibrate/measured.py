"""What `ops calibrate` is given in tests: a desk with a stack file, a Prometheus, nvidia-smi's table."""

import json
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from plan import config
from tests import stacks
from tests.ops import command

HEAD = "pid, process_name, used_gpu_memory [MiB]"
NODE = f"{HEAD}\n4711, /app/llama-server, 6996 MiB\n812, frigate.detector, 1020 MiB\n813, /bin/ffmpeg, 230 MiB\n"
PODS = {
    ("immich", "immich-machine-learning-7d4c9-x2x4z"): 2600.4,
    ("immich", "immich-server-58fdb-b7kqp"): 1100,
    ("frigate", "frigate-0"): 1900,
    ("games", "immich-ml-is-not-this"): 9000,
}
METRIC = "DCGM_FI_DEV_FB_USED"


class Prometheus(ThreadingHTTPServer):
    """Answers instant queries: `now` to a plain one, `highest` to one over time; or `raw`, whatever is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Query)
        self.highest: Mapping[tuple[str, str], Any] = PODS
        self.now: Mapping[tuple[str, str], Any] = {key: 100 + at for at, key in enumerate(PODS)}
        self.raw: tuple[int, bytes] | None = None
        self.queries: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, query: str) -> tuple[int, bytes]:
        self.queries.append(query)
        found = self.highest if "_over_time" in query else self.now
        by = re.findall(r"by \((\w+), (\w+)\)", query)[0]
        rows = [
            {"metric": dict(zip(by, key, strict=True)), "value": [1763900000, str(mib)]} for key, mib in found.items()
        ]
        return self.raw or (200, vector(rows))


class _Query(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        assert isinstance(self.server, Prometheus)
        status, body = (
            (404, b"") if parts.path != "/api/v1/query" else self.server.answer(parse_qs(parts.query)["query"][0])
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object, **__: object) -> None:
        """Nothing to print."""


def vector(rows: list[dict[str, Any]], kind: str = "vector") -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": rows}}).encode()


class Desk:
    """A directory with two of the tests' stacks and their lock."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.file = directory, directory / "Pulumi.t4.yaml"
        self.before = (stacks.EXAMPLE / "Pulumi.t4.yaml").read_text()
        self.file.write_text(self.before)
        for name in ("models.lock.yaml", "Pulumi.cpu.yaml"):
            (directory / name).write_text((stacks.EXAMPLE / name).read_text())

    def calibrate(self, *arguments: object, code: int = 0, said: str = "", stack: str = "t4") -> str:
        """Run it; what it printed, its lines joined where they were folded."""
        argv = ("calibrate", "--stack", stack, *arguments)
        ran = command.run(*argv, code=code, cwd=self.directory, said=said, COLUMNS="250")
        printed = ran.stdout + ran.stderr
        if code or "--write" not in arguments:
            assert self.file.read_text() == self.before, "nothing was asked to be written"
        return printed

    @property
    def stack(self) -> dict[str, Any]:
        return yaml.safe_load(self.file.read_text())["config"][config.KEY]
