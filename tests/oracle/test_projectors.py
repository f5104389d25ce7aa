"""A vision projector's memory against what llama-server reckons before it loads anything."""

from pathlib import Path

import pytest

from plan.catalogue.cards import CARDS
from plan.vram.estimate import Serving, estimate
from tests.oracle.allocator import Allocator, facts_of, header_of
from tests.oracle.known import KNOWN
from tests.oracle.projectors import Projector

TOWER = (27, 1152, 4304)
PAIRS = {
    "qwen3vl-8b": ("qwen3vl-8b", Projector("qwen3vl_merger", *TOWER, 4096, 768, 16, (8, 16, 24))),
    "qwen3vl-4b": ("qwen3vl-4b", Projector("qwen3vl_merger", 24, 1024, 4096, 2560, 768, 16, (5, 11, 17))),
    "qwen3vl-2b": ("qwen3vl-2b", Projector("qwen3vl_merger", 24, 1024, 4096, 2048, 768, 16, (5, 11, 17))),
    "qwen3.5-4b": ("qwen3.5-4b", Projector("qwen3vl_merger", 24, 1024, 4096, 2560, 768, 16)),
    "qwen3.5-27b": ("qwen3.5-27b", Projector("qwen3vl_merger", *TOWER, 5120, 768, 16)),
    "gemma3-4b": ("gemma3-4b", Projector("gemma3", *TOWER, 2560, 896, 14)),
    "gemma3-27b": ("gemma3-27b", Projector("gemma3", *TOWER, 5376, 896, 14)),
    "minicpm-v-4.5": ("qwen3-8b", Projector("resampler", *TOWER, 4096, 448, 14)),
}


@pytest.mark.parametrize(("model", "projector"), PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("image_max_tokens", [64, 2116])
def test_a_projectors_buffer_is_at_least_llama_servers_and_at_most_8_percent_more(
    tmp_path: Path, allocator: Allocator, model: str, projector: Projector, image_max_tokens: int
) -> None:
    text, mmproj = KNOWN[model].write(tmp_path / "model.gguf"), projector.write(tmp_path / "mmproj.gguf")
    (nothing := tmp_path / "nothing.gguf").write_bytes(b"GGUF of no model")
    sizes = {"model": text.stat().st_size, "mmproj": mmproj.stat().st_size}
    serving = Serving(8192, image_max_tokens=image_max_tokens)

    ours = estimate(facts_of(text, mmproj), sizes, serving, CARDS["t4"])
    theirs = allocator.projector(mmproj, nothing) - ours.mmproj_weights_mib

    assert ours.mmproj_compute_mib >= theirs - 0.01, "the buffer is there from the start, whatever the largest image"
    assert ours.mmproj_compute_mib <= 1.08 * theirs


def test_the_figures_of_public_cuda_logs_are_the_ones_that_llama_server_reckons(
    tmp_path: Path, allocator: Allocator
) -> None:
    """ggml-org/llama.cpp#18181 prints 372.08 MiB for Qwen3-VL's tower, #22673 prints 223.30 for Qwen3.5-4B's."""
    (nothing := tmp_path / "nothing.gguf").write_bytes(b"GGUF of no model")
    for name, printed in (("qwen3vl-8b", 372.08), ("qwen3.5-4b", 223.30)):
        mmproj = PAIRS[name][1].write(tmp_path / f"{name}.gguf")
        weights_mib = sum(tensor.size_bytes for tensor in header_of(mmproj).tensors.values()) / 2**20

        assert allocator.projector(mmproj, nothing) - weights_mib == pytest.approx(printed, abs=0.02)
