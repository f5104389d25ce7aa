"""What llama.cpp itself says that a model takes, without a weight being read."""

import functools
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


class Served(NamedTuple):
    """MiB as llama-server logs them; `context` is cache and state together."""

    context: float
    compute: float


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

    def serving(self, model: Path, serving: Serving, *flags: str) -> Served:
        """What a llama-server with these flags takes of a card; it is killed as soon as it has said so."""
        said: list[str] = []
        with device(self.programs) as own:  # one whose client is killed ends with it
            argv = [
                self.programs / "llama-server", "--model", model, "--ctx-size", str(serving.total_tokens),
                "--ubatch-size", str(serving.ubatch), "--batch-size", str(max(2048, serving.ubatch)),
                "--parallel", str(serving.parallel), "-ngl", "99", "--flash-attn", "on", "--fit", "off", "--no-warmup",
                "--threads", "1", "--host", "127.0.0.1", "--port", str(free_port()), "-lv", "4",
                "--rpc", own, "--device", "RPC0", *flags,
            ]  # fmt: skip
            with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
                for line in server.stderr or ():
                    said.append(line)
                    if found := re.search(r"RPC0\S* compute buffer size = +([\d.]+) MiB", line):
                        server.kill()
                        kept = re.findall(r"RPC0\S* (?:KV|RS) buffer size = +([\d.]+) MiB", "".join(said))
                        return Served(sum(map(float, kept)), float(found[1]))
        raise AssertionError("".join(said[-20:]))

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


@contextmanager
def device(programs: Path) -> Iterator[str]:
    """A device of the RPC backend that stands for a card, while the block runs; its address."""
    port = free_port()
    argv = [programs / "ggml-rpc-server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"ggml-rpc-server ended with {process.returncode}")


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
