"""What llama.cpp itself says that a model takes, without a weight being read."""

import functools
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ops.gguf.facts import facts
from ops.gguf.header import Header, read_header
from plan.models.gguf_facts import GgufFacts
from plan.vram.estimate import Serving


class Taken(NamedTuple):
    """Whole MiB, rounded down, as llama-fit-params prints them; `context` is cache and state together."""

    weights: int
    context: int
    compute: int


@dataclass(frozen=True)
class Allocator:
    """llama-fit-params, with and without a device to which every layer is offloaded."""

    programs: Path
    device: str

    def on_card(self, model: Path, serving: Serving) -> Taken:
        return self._asked(model, serving, "RPC0", "--rpc", self.device)

    def on_cpu(self, model: Path, serving: Serving) -> Taken:
        return self._asked(model, serving, "Host", "--no-repack")

    def projector(self, mmproj: Path, no_model: Path) -> float:
        """MiB of weights and largest buffer at the start: llama-server's estimate, before the model's turn comes."""
        argv = ["--model", no_model, "--mmproj", mmproj, "--host", "127.0.0.1", "--port", free_port(), "-lv", 4]
        said = self._run("llama-server", *map(str, argv), ends_well=False)
        return float(_found(r"memory usage of mmproj is ([\d.]+) MiB", said)[1])

    def _asked(self, model: Path, serving: Serving, device: str, *where: str) -> Taken:
        numbers = {
            "--ctx-size": serving.total_tokens,
            "--ubatch-size": serving.ubatch,
            "--batch-size": max(2048, serving.ubatch),
            "--parallel": serving.parallel,
        }
        given = [str(word) for pair in numbers.items() for word in pair]
        cache = ["--cache-type-k", serving.kv_type, "--cache-type-v", serving.kv_type]
        fixed = ["-ngl", "99", "--flash-attn", "on", "--fit-print", "on"]
        said = self._run("llama-fit-params", "--model", str(model), *given, *cache, *fixed, *where)
        return Taken(*map(int, _found(rf"(?m)^{device} (\d+) (\d+) (\d+)\s*$", said).groups()))

    def _run(self, program: str, *argv: str, ends_well: bool = True) -> str:
        ran = subprocess.run(
            [str(self.programs / program), *argv], capture_output=True, text=True, check=False, timeout=300
        )
        said = ran.stdout + ran.stderr
        assert not ends_well or ran.returncode == 0, said
        return said


def _found(pattern: str, said: str) -> re.Match[str]:
    match = re.search(pattern, said)
    assert match, f"{pattern} is not in: {said}"
    return match


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def header_of(file: Path) -> Header:
    with file.open("rb") as opened:

        def read(start: int, end: int) -> bytes:
            opened.seek(start)
            return opened.read(end - start)

        return read_header(read, file.stat().st_size)


@functools.cache
def facts_of(model: Path, mmproj: Path | None = None) -> GgufFacts:
    """What our own reader makes of the headers; a test writes no file twice."""
    return facts([header_of(model)], header_of(mmproj) if mmproj else None)
