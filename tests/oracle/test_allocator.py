"""The formulas of plan/vram/ against the allocator of llama.cpp itself, from headers that our own reader read."""

from pathlib import Path

import pytest

from plan.catalogue.cards import CARDS
from plan.vram.estimate import Breakdown, Serving, estimate
from tests.oracle.allocator import Allocator, facts_of
from tests.oracle.known import KNOWN
from tests.soak import SOAK

BUILD = 11312
LARGE = Serving(32768, build=BUILD)
USUAL = Serving(8192, build=BUILD)
SERVINGS = {
    "small": Serving(2048, ubatch=128, build=BUILD),
    "odd": Serving(10000, parallel=3, build=BUILD),
    "slots": Serving(32768, parallel=4, build=BUILD),
    "wide": Serving(32768, ubatch=2048, build=BUILD),
    "long": Serving(131072, build=BUILD),
    "tiny": Serving(300, build=BUILD),
}
# Each model as it is usually served, and one of each kind (in `make soak` each) in every other way.
KINDS = tuple(KNOWN) if SOAK else (
    "qwen3-8b", "qwen3-4b", "mistral-nemo", "gemma3-4b", "gemma3-27b", "qwen3vl-8b", "qwen3-30b-a3b", "qwen3.5-9b",
    "qwen3.5-0.8b",
)  # fmt: skip
CELLS = {
    **{f"{model}-usual": (model, USUAL) for model in KNOWN},
    **{f"{model}-{how}": (model, serving) for model in KINDS for how, serving in SERVINGS.items()},
}
QUANTIZED = {
    f"{model}-{kv_type}": (model, Serving(32768, kv_type=kv_type, parallel=parallel, build=BUILD))
    for model in KINDS
    for kv_type, parallel in (("q8_0", 1), ("q4_0", 2))
}
# By how much a bound may exceed the allocator. Experts that no published model has: see plan/vram/compute.py.
OVER = {"experts-narrow": 2.0, "experts-wide": 2.0}
CARD = CARDS["t4"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shapes")


def written(files: Path, model: str) -> Path:
    file = files / f"{model}.gguf"
    return file if file.exists() else KNOWN[model].write(file)


def told(file: Path, serving: Serving) -> Breakdown:
    return estimate(facts_of(file), {"model": file.stat().st_size}, serving, CARD)


@pytest.mark.parametrize(("model", "serving"), (CELLS | QUANTIZED).values(), ids=[*CELLS, *QUANTIZED])
def test_weights_cache_and_state_are_the_allocators_to_the_mib(
    files: Path, allocator: Allocator, model: str, serving: Serving
) -> None:
    file = written(files, model)
    ours, theirs, weights = told(file, serving), allocator.on_cpu(file, serving), facts_of(file).weights
    assert weights

    assert int(ours.kv_mib + ours.state_mib) == theirs.context
    assert int((weights.gpu_bytes + weights.input_bytes) / 2**20) == theirs.weights


@pytest.mark.parametrize(("model", "serving"), CELLS.values(), ids=CELLS)
def test_compute_is_at_least_what_the_allocator_gives_a_card_and_at_most_8_percent_more(
    files: Path, allocator: Allocator, model: str, serving: Serving
) -> None:
    file = written(files, model)
    ours, theirs = told(file, serving), allocator.on_card(file, serving)

    assert int(ours.weights_mib) == theirs.weights, "a tied embedding is on the card as well, other inputs are not"
    assert ours.compute_mib >= theirs.compute, "a card that is promised too little ends in an out-of-memory"
    assert ours.compute_mib <= OVER.get(model, 1.08) * (theirs.compute + 1), "memory promised for nothing"


@pytest.mark.parametrize(("model", "serving"), QUANTIZED.values(), ids=QUANTIZED)
def test_compute_of_a_quantized_cache_is_at_least_the_allocators(
    files: Path, allocator: Allocator, model: str, serving: Serving
) -> None:
    """On a card flash attention's copy comes on top; an RPC device makes none."""
    file = written(files, model)

    assert told(file, serving).compute_mib >= allocator.on_card(file, serving).compute
