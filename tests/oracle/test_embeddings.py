"""The compute buffer of a model that serves embeddings or ranks, against a llama-server that does."""

from dataclasses import replace
from pathlib import Path

import pytest

from plan.catalogue.cards import CARDS
from plan.vram.estimate import Serving, estimate
from tests.oracle.allocator import Allocator, facts_of
from tests.oracle.shapes import Model

# Of embedding models that people serve; few layers, for more take no larger buffer.
SHAPES = {
    "qwen3-embedding-0.6b": Model("qwen3", 2, 1024, 3072, 16, 8, tied=True),
    "qwen2-1.5b": Model("qwen2", 2, 1536, 8960, 12, 2, None, tied=True),
}
SERVINGS = {
    "one text": Serving(2048),
    "a long one": Serving(8192, ubatch=2048),
    "as long as the ubatch": Serving(4096, ubatch=4096),
    "several": Serving(4096, parallel=4),
}
FLAGS = {
    "mean": ("--embeddings", "--pooling", "mean"),
    "last": ("--embeddings", "--pooling", "last"),
    "rank": ("--reranking",),
}


@pytest.mark.parametrize("vocabulary", [256, 40000])
@pytest.mark.parametrize("serving", SERVINGS.values(), ids=SERVINGS)
@pytest.mark.parametrize("model", SHAPES.values(), ids=SHAPES)
def test_the_buffer_is_never_less_than_llama_servers_and_at_most_8_percent_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allocator: Allocator,
    model: Model,
    serving: Serving,
    vocabulary: int,
) -> None:
    monkeypatch.setattr("tests.oracle.shapes.VOCABULARY", vocabulary)
    file = model.write(tmp_path / "model.gguf")
    ours = estimate(facts_of(file), {"model": 1}, replace(serving, embeds=True), CARDS["t4"]).compute_mib

    theirs = {name: allocator.serving(file, serving, *flags).compute for name, flags in FLAGS.items()}

    for name, mib in theirs.items():
        assert ours >= mib - 0.04, name
    assert ours <= 1.08 * max(theirs.values())
