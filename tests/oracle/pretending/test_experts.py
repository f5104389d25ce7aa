"""Experts that stay off the card: both sides of the weights, and of the buffers in which they are computed.

No device of the RPC backend takes over an operation whose weights are in the machine's memory, as CUDA does with a
batch of 32 tokens or more. What llama.cpp's scheduler reserves then was measured of the embedded build (0c1e57098) with
one change: its RPC backend answered offload_op as ggml_backend_cuda_device_offload_op does, for MUL_MAT_ID and ADD_ID.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.allocator.device import device
from ops.allocator.measure import Way, overrides
from ops.allocator.program import Program, clean
from ops.allocator.question import HeaderFile, model
from plan.vram.estimate import Breakdown, Serving
from plan.vram.experts import computed_on_host
from tests.oracle.allocator import Allocator, facts_of, header_of
from tests.oracle.known import KNOWN
from tests.oracle.pretending.others import OTHERS
from tests.oracle.pretending.test_figures import BUILD, DIGITS, MIB, llama, measured, told
from tests.soak import SOAK

__all__ = ["llama"]  # the fixture
ALL = 512


class Sides(NamedTuple):
    """MiB of weights, rounded down, and of compute buffers: on the card and on the machine."""

    card: int
    host: int
    card_compute: float
    host_compute: float


def asked(llama: Program, file: Path, serving: Serving, flags: Sequence[str]) -> Sides:
    """What llama-server says of both sides; `--no-repack`, for it tells no bytes of weights that it stores anew."""
    header = header_of(file)
    with model([HeaderFile("model.gguf", header.content, file.stat().st_size)]) as path, device() as card:
        words = {
            "model": path, "ctx-size": serving.total_tokens, "parallel": serving.parallel, "threads": 1,
            "ubatch-size": serving.ubatch, "batch-size": 4096, "flash-attn": "on", "n-gpu-layers": 999,
            "cache-type-k": serving.kv_type, "cache-type-v": serving.kv_type, "fit": "on", "verbosity": 5,
            "host": "127.0.0.1", "port": 0, "rpc": card.address, "device": "RPC0",
        }  # fmt: skip
        argv = [str(llama.path), *(str(word) for key, value in words.items() for word in (f"--{key}", value))]
        argv += [word for it in overrides(header) for word in ("--override-kv", it)]
        argv += ["--offline", "--no-warmup", "--no-repack", *flags]
        with subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=clean({**os.environ}), cwd=path.parent,
        ) as server:  # fmt: skip
            assert server.stderr
            said = ""
            while " - Host " not in said and (line := server.stderr.readline()):
                said += line
            server.kill()
    weights = [int(re.findall(rf"- {who} .*= *(\d+) \+ +\d+ \+ +\d+", said)[0]) for who in ("RPC0", "Host")]
    buffers = [
        float(re.findall(rf" {who}\S* +compute buffer size = +([\d.]+) MiB", said)[0]) for who in ("RPC0", "CPU")
    ]
    return Sides(weights[0], weights[1], buffers[0], buffers[1])


def flags(layers: int) -> tuple[str, ...]:
    return ("--cpu-moe",) if layers == ALL else ("--n-cpu-moe", str(layers))


# A graph's buffers do not depend on how many layers there are alike.
MODELS = OTHERS | {name: replace(shape, layers=6) for name, shape in KNOWN.items()}
PLACED = ("qwen3-30b-a3b", "experts-narrow", "deepseek2-lite", "gpt-oss-20b")


@pytest.mark.parametrize("layers", [3, ALL])
@pytest.mark.parametrize("name", PLACED)
def test_the_experts_of_the_first_layers_are_where_llama_cpp_puts_them(
    tmp_path: Path, llama: Program, name: str, layers: int
) -> None:
    file = MODELS[name].write(tmp_path / "model.gguf")
    serving = Serving(16384, build=BUILD, expert_layers=layers)
    read = measured(llama, file, Way(replace(serving, total_tokens=0, build=None), (16384,)))
    weights = facts_of(file).weights
    assert weights

    ours, theirs = told(read, serving), asked(llama, file, serving, flags(layers))

    assert ours.source == "allocator"
    assert int(ours.weights_mib) == theirs.card
    assert int(ours.host_experts_mib + weights.input_bytes / MIB) == theirs.host
    assert theirs.card_compute - DIGITS <= ours.compute_mib, "a batch that stays off the card takes no more of it"
    on_host = theirs.host_compute - asked(llama, file, serving, ()).host_compute
    most = computed_on_host(read.shape, serving) / MIB
    assert on_host <= most <= max(3 * on_host, on_host + 64)


# MiB of the card's compute buffer with the change above: context, slots, cache, ubatch; all layers, or the first two.
OFFLOADED = {
    ("qwen3-30b-a3b", 16384, 1, "f16", 512): 184.01, ("qwen3-30b-a3b", 65536, 1, "f16", 2048): 604.04,
    ("qwen3-30b-a3b", 65536, 4, "q8_0", 2048): 412.12, ("qwen3-30b-a3b", 131072, 1, "f16", 4096): 1696.08,
    ("experts-narrow", 16384, 1, "f16", 512): 748.01, ("experts-narrow", 65536, 1, "f16", 2048): 1240.04,
    ("experts-narrow", 65536, 4, "q8_0", 2048): 1048.12, ("experts-narrow", 131072, 1, "f16", 4096): 2344.08,
    ("experts-wide", 16384, 1, "f16", 512): 464.01, ("experts-wide", 65536, 1, "f16", 2048): 1184.04,
    ("experts-wide", 65536, 4, "q8_0", 2048): 992.12, ("experts-wide", 131072, 1, "f16", 4096): 3104.08,
    ("deepseek2-lite", 16384, 1, "f16", 512): 251.77, ("deepseek2-lite", 65536, 1, "f16", 2048): 638.07,
    ("deepseek2-lite", 65536, 4, "q8_0", 2048): 446.07, ("deepseek2-lite", 131072, 1, "f16", 4096): 1633.05,
    ("gpt-oss-20b", 16384, 1, "f16", 512): 349.96, ("gpt-oss-20b", 65536, 1, "f16", 2048): 790.98,
    ("gpt-oss-20b", 65536, 4, "q8_0", 2048): 599.02, ("gpt-oss-20b", 131072, 1, "f16", 4096): 2021.02,
    ("qwen3-235b-a22b", 16384, 1, "f16", 512): 568.01, ("qwen3-235b-a22b", 131072, 1, "f16", 4096): 2416.08,
}  # fmt: skip
Case = tuple[str, int, int, str, int]


def served(case: Case, layers: int) -> Serving:
    _, context, slots, kv_type, ubatch = case
    return Serving(context, kv_type, slots, ubatch, build=BUILD, expert_layers=layers)


def in_between(ours: Breakdown, least: float, copy: int) -> None:
    assert least - 2 * DIGITS <= ours.compute_mib <= 1.08 * least + copy / MIB + 1


TRIED = [*OFFLOADED] if SOAK else [*OFFLOADED][::4]


@pytest.mark.parametrize("case", TRIED, ids=lambda case: "-".join(map(str, case)))
def test_what_cuda_copies_to_the_card_is_at_most_one_tensor_of_experts(
    tmp_path: Path, llama: Program, case: Case
) -> None:
    file = MODELS[case[0]].write(tmp_path / "model.gguf")
    serving, read = served(case, ALL), facts_of(file)
    weights = read.weights
    assert weights
    way = Way(replace(serving, total_tokens=0, build=None), (serving.total_tokens // serving.parallel,))

    in_between(told(measured(llama, file, way), serving), OFFLOADED[case], weights.expert_matrix_bytes)


@pytest.mark.parametrize(
    "case", [case for case in OFFLOADED if case[0] in KNOWN], ids=lambda case: "-".join(map(str, case))
)
def test_the_formula_counts_that_tensor_too(tmp_path: Path, allocator: Allocator, case: Case) -> None:
    assert allocator
    file = MODELS[case[0]].write(tmp_path / "model.gguf")
    read = facts_of(file)
    assert read.weights
    alone, moved = (told(read, served(case, layers)) for layers in (0, 2))

    assert moved.compute_mib - alone.compute_mib == pytest.approx(read.weights.expert_matrix_bytes / MIB)
    assert moved.compute_mib >= OFFLOADED[case] - DIGITS
    assert alone.weights_mib - moved.weights_mib == moved.host_experts_mib > 0
