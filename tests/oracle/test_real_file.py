"""A real model in a real llama-server: its log has what is computed from the file's header, to a hundredth of a MiB."""

import re
import subprocess
from pathlib import Path

import pytest

from dev.tools import tools
from dev.tools.llama import GEMMA_FILES
from plan.catalogue.cards import CARDS
from plan.vram.estimate import Serving, estimate
from tests.oracle.allocator import Allocator, facts_of, free_port

SERVINGS = {
    "one-slot": Serving(8192),
    "four-slots": Serving(8192, parallel=4),
    "three-slots-odd": Serving(5000, parallel=3),
    "small-ubatch": Serving(4096, ubatch=64),
    "quantized": Serving(8192, kv_type="q8_0"),
}


@pytest.mark.parametrize("serving", SERVINGS.values(), ids=SERVINGS)
def test_weights_and_cache_are_the_log_s_to_a_hundredth_of_a_mib(
    tmp_path: Path, allocator: Allocator, serving: Serving
) -> None:
    tools.ensure("gemma")
    model = tools.path("gemma") / GEMMA_FILES[0]
    ours = estimate(facts_of(model), {"model": model.stat().st_size}, serving, CARDS["t4"])

    said = loaded(allocator.programs / "llama-server", model, serving, tmp_path / "log")

    weights, cache = (summed(kind, said) for kind in ("model", "KV"))
    assert weights == pytest.approx(ours.weights_mib, abs=0.01)
    assert cache == pytest.approx(ours.kv_mib, abs=0.01)


def summed(kind: str, log: str) -> float:
    """MiB of all buffers of a kind; a model with windows has two caches."""
    found = re.findall(rf"{kind} buffer size = +([\d.]+) MiB", log)
    assert found, log
    return sum(map(float, found))


def loaded(program: Path, model: Path, serving: Serving, log: Path) -> str:
    """What llama-server says until the model is there; then it is ended."""
    argv = [
        program, "--model", model, "--no-repack", "--fit", "off", "-lv", 4, "--flash-attn", "on", "--no-warmup",
        "--host", "127.0.0.1", "--port", free_port(), "--ctx-size", serving.total_tokens,
        "--parallel", serving.parallel, "--ubatch-size", serving.ubatch,
        "--cache-type-k", serving.kv_type, "--cache-type-v", serving.kv_type,
    ]  # fmt: skip
    with subprocess.Popen(
        list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=log.parent
    ) as server:
        assert server.stdout
        lines: list[str] = []
        try:
            for line in server.stdout:
                lines.append(line)
                if "compute buffer size" in line:
                    return "".join(lines)
        finally:
            server.kill()
    raise AssertionError("".join(lines))
