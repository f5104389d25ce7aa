"""One cache that all slots share, --kv-unified, against a llama-server that has it."""

from dataclasses import replace
from pathlib import Path

import pytest

from plan.catalogue.cards import CARDS
from plan.vram.estimate import Serving, estimate
from tests.oracle.allocator import Allocator, facts_of
from tests.oracle.known import KNOWN

# A period of layers each: a server reads the weights, and more layers take no larger buffer.
LAYERS = {"qwen3-0.6b": 2, "gemma3-1b": 6, "qwen3.5-0.8b": 4}
SERVINGS = {
    "three": Serving(8192, parallel=3, unified=True),
    "eight": Serving(32768, parallel=8, ubatch=1024, unified=True),
    "small": Serving(1024, parallel=4, ubatch=256, unified=True),
}


@pytest.mark.parametrize("serving", SERVINGS.values(), ids=SERVINGS)
@pytest.mark.parametrize("model", LAYERS)
def test_cache_and_state_are_llama_servers_and_compute_is_at_most_8_percent_more(
    tmp_path: Path, allocator: Allocator, model: str, serving: Serving
) -> None:
    file = replace(KNOWN[model], layers=LAYERS[model]).write(tmp_path / "model.gguf")
    ours = estimate(facts_of(file), {"model": 1}, serving, CARDS["t4"])

    theirs = allocator.serving(file, serving, "--kv-unified")

    assert ours.kv_mib + ours.state_mib == pytest.approx(theirs.context, abs=0.02)
    assert ours.compute_mib >= theirs.compute - 0.04
    assert ours.compute_mib <= 1.08 * (theirs.compute + 1)
