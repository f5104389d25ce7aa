"""A warm beside a volume, and what of a file is in memory."""

import json
import os
import random
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.pods.bench import until
from tests.pods.shelf import Shelf, argv, gen, of

MIB = 1 << 20


class Warm:
    """A warm beside a volume: its lines as they come, and its metrics."""

    def __init__(self, shelf: Shelf, log: Path) -> None:
        self.shelf, self.log = shelf, log
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.manifest: dict[str, Any] = {"root": str(shelf.root), "listen": self.port, "models": [], "poll_s": 0.05}
        self.process: subprocess.Popen[bytes] | None = None

    def model(self, model_id: str, *contents: bytes, priority: int = 0, number: int = 1) -> list[Path]:
        """Put a whole model onto the volume and into the manifest; its blobs."""
        directory = self.shelf.model(model_id, number, *contents)
        ready = json.loads((directory / "READY.json").read_text())
        (directory / "READY.json").write_text(json.dumps({**ready, "gen": gen(number)}))
        files = [{"link": file["link"], "size": file["size"], "sha256": file["sha256"]} for file in ready["files"]]
        self.manifest["models"].append({"id": model_id, "gen": gen(number), "priority": priority, "files": files})
        blobs = [self.shelf.root / ".blobs" / f"sha256-{file['sha256']}" for file in files]
        for blob in blobs:
            evict(blob)
        return blobs

    def start(self, *, change: str = "", via: tuple[str, ...] = (sys.executable,)) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv("warm", self.manifest, via, change), stdout=log, stderr=log)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def wait(self, event: str, count: int = 1, **facts: Any) -> list[dict[str, Any]]:
        """The lines about this event, once there are so many."""
        assert self.process
        alive = self.process
        until(lambda: len(of(self.lines(), event, **facts)) >= count or alive.poll() is not None, f"{event} {facts}")
        assert alive.poll() is None, self.log.read_text()
        return of(self.lines(), event, **facts)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=300) as answer:
            return answer.read().decode()

    def metric(self, name: str, model: str = "") -> float:
        label = f'{{model="{model}"}}' if model else ""
        (line,) = [line for line in self.get("/metrics").splitlines() if line.startswith(f"{name}{label} ")]
        return float(line.split()[1])


def evict(path: Path) -> None:
    """Take a file out of memory, so that a test sees who brings it back."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    if resident(path):
        pytest.skip("the temporary directory's file system lives in memory")


def resident(path: Path) -> int:
    """Bytes in memory, as util-linux sees them."""
    ran = subprocess.run(["fincore", "-bnro", "RES", path], capture_output=True, text=True, check=True)
    return int(ran.stdout)


def require_resident(path: Path) -> None:
    assert resident(path) >= 0.95 * path.stat().st_size, "the server would wait for the volume"


def random_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - the same bytes every time
