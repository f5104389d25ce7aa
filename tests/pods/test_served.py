"""The real engine, on what a real fetch left on the volume: a model in one file, and one in several."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.tools import tools
from tests.pods.bench import Bench

GEMMA = "gemma-3-270m-Q4_K_M.gguf"
START_S = 300


@pytest.fixture
def llama() -> Path:
    return _tool("llama")


@pytest.fixture
def gemma() -> Path:
    return _tool("gemma") / GEMMA


def _tool(name: str) -> Path:
    if not (place := tools.find(name)):
        pytest.skip(f"not built: python -m dev.tools {name}")
    return place


@pytest.fixture
def repository(bench: Bench) -> Path:
    directory = bench.hub.repos.root / bench.manifest["repo"]
    directory.mkdir(parents=True)
    bench.manifest["segment_bytes"] = 16 << 20
    return directory


def test_llama_server_answers_from_a_fetched_model(bench: Bench, repository: Path, llama: Path, gemma: Path) -> None:
    (repository / GEMMA).symlink_to(gemma)
    bench.lock(GEMMA, "model.gguf")
    assert bench.fetch()[0] == 0
    assert bench.gate()[0] == 0

    with _serving(llama, bench.generation / "model.gguf") as address:
        assert _completion(address)
    bench.blob().unlink()  # pytest keeps the directories of the last runs


def test_llama_server_finds_all_parts_of_a_fetched_split_model(
    bench: Bench, repository: Path, llama: Path, gemma: Path
) -> None:
    split = [llama / "llama-gguf-split", "--split", "--split-max-size", "100M", gemma, repository / "gemma-Q4_K_M"]
    subprocess.run(split, check=True, capture_output=True)
    parts = sorted(file.name for file in repository.iterdir())
    assert len(parts) > 1, "one part would prove nothing"
    for part in parts:
        bench.lock(part, part.replace("gemma-Q4_K_M", "model"))
    assert bench.fetch()[0] == 0
    assert bench.gate()[0] == 0

    with _serving(llama, bench.generation / f"model-00001-of-{len(parts):05}.gguf") as address:
        assert _completion(address)
    for number, part in enumerate(parts):
        bench.blob(number).unlink()
        (repository / part).unlink()


@contextlib.contextmanager
def _serving(llama: Path, model: Path) -> Iterator[str]:
    """A server of `model` that has loaded it; ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    argv = [llama / "llama-server", "--model", model, "--host", "127.0.0.1", "--port", str(port), "--offline"]
    argv += ["--ctx-size", "256", "--parallel", "1", "--no-warmup", "--cache-ram", "0", "--threads", "1"]
    log = model.parent / "llama-server.log"
    with log.open("wb") as said, subprocess.Popen(argv, stdout=said, stderr=said) as server:
        try:
            _await_load(server, address, log)
            yield address
        finally:
            server.kill()


def _await_load(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        assert server.poll() is None, log.read_text(errors="replace")[-2000:]
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=30):  # noqa: S310
            return
        time.sleep(0.1)


def _completion(address: str) -> str:
    body = json.dumps({"prompt": "The capital of France is", "n_predict": 4, "temperature": 0}).encode()
    request = urllib.request.Request(f"{address}/completion", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
        return json.load(answer)["content"]
