"""C2: facts of a header that cannot be true of the locked files, or of each other, are refused."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import stacks
from tests.plan.models.entries import UPDATE, entry, found, refusal, with_entry, with_facts


@pytest.mark.parametrize(
    ("weights", "key"),
    [
        ({"gpu_bytes": 1}, "gguf.weights"),
        ({"gpu_bytes": 4671766528 // 2}, "gguf.weights"),
        ({"gpu_bytes": 4671766528 * 2}, "gguf.weights"),
        ({"gpu_bytes": 4671766528 + 2**23}, "gguf.weights"),
        ({"gpu_bytes": 4671766528 - 2**27}, "gguf.weights"),
        ({"input_bytes": 0}, "gguf.weights.input_bytes"),
        ({"input_bytes": 350060544 - 2304 * 20000}, "gguf.weights.input_bytes"),
        ({"nextn_bytes": 2**30}, "gguf.weights"),
        ({"tied_bytes": 350060545}, "gguf.weights.tied_bytes"),
    ],
)
def test_c2_bytes_of_tensors_that_the_file_cannot_have_are_refused(weights: dict[str, int], key: str) -> None:
    changed = with_facts(weights=weights)
    assert key in found(changed)
    said = refusal(stacks.raw("t4"), with_entry("qwen3-8b", changed))
    assert f"models.lock.yaml.models.qwen3-8b.{key}: got " in said
    assert UPDATE.format("qwen3-8b") in said


@pytest.mark.parametrize(
    "key",
    ["context_length", "block_count", "embedding_length", "vocab_size", "feed_forward_length", "head_count",
     "head_count_kv", "key_length", "value_length"],
)  # fmt: skip
def test_c2_a_zero_where_a_model_has_something_is_refused(key: str) -> None:
    assert found(with_facts(shape={key: 0}))[f"gguf.shape.{key}"] == "It is more than 0"


@pytest.mark.parametrize(
    "key", ["weight_bytes", "block_count", "embedding_length", "head_count", "image_size", "patch_size"]
)
def test_c2_a_zero_of_a_projector_is_refused(key: str) -> None:
    changed = with_facts("qwen3vl-8b", projector={key: 0})
    assert found(changed)[f"gguf.projector.{key}"] == "It is more than 0"


@pytest.mark.parametrize(
    ("shape", "key"),
    [
        ({"head_count": 30}, "head_count"),
        ({"head_count_kv": 5}, "head_count"),
        ({"head_count": 33, "head_count_kv": 33, "key_length": None}, "embedding_length"),
        ({"head_count_kv": (8,) * 35}, "head_count_kv"),
        ({"head_count": (32,) * 37}, "head_count"),
        ({"feed_forward_length": (0,) * 36}, "feed_forward_length"),
        ({"recurrent_layers": (0, 1, 36)}, "recurrent_layers"),
        ({"sliding_window_pattern": (99,)}, "sliding_window_pattern"),
        ({"nextn_predict_layers": 36}, "nextn_predict_layers"),
        ({"shared_kv_layers": 40}, "shared_kv_layers"),
        ({"expert_count": 8, "expert_used_count": 9}, "expert_used_count"),
        ({"expert_count": 8, "expert_used_count": 0}, "expert_used_count"),
        ({"expert_count": 0, "expert_used_count": 2}, "expert_used_count"),
    ],
)
def test_c2_facts_that_contradict_each_other_are_refused(shape: dict[str, Any], key: str) -> None:
    assert f"gguf.shape.{key}" in found(with_facts(shape=shape))


@pytest.mark.parametrize(
    ("projector", "key"),
    [
        ({"weight_bytes": 1}, "weight_bytes"),
        ({"weight_bytes": 2**31}, "weight_bytes"),
        ({"embedding_length": 1150}, "embedding_length"),
        ({"is_deepstack_layers": (8, 16, 27)}, "is_deepstack_layers"),
        ({"image_size": 8}, "image_size"),
    ],
)
def test_c2_facts_of_a_projector_that_its_file_cannot_have_are_refused(projector: dict[str, Any], key: str) -> None:
    assert f"gguf.projector.{key}" in found(with_facts("qwen3vl-8b", projector=projector))


def test_c2_facts_of_a_projector_that_is_not_there_are_refused() -> None:
    of_another = entry("qwen3vl-8b").gguf.projector
    changed = entry().model_copy(update={"gguf": entry().gguf.model_copy(update={"projector": of_another})})
    assert found(changed)["gguf.projector"] == "The entry has no file of a vision projector"


PAIRS = [
    (mine, other)
    for mine in stacks.locked().models
    for other in stacks.locked().models
    # Fine-tunings of one model have nearly the same header: no arithmetic tells those apart.
    if abs(entry(mine).bytes_by_role["model"] - entry(other).bytes_by_role["model"]) > 64 << 20
]


@pytest.mark.parametrize(("mine", "other"), [*PAIRS, ("gemma-3-270m-q3", "gemma-3-270m-q4")])
def test_c2_another_model_s_header_is_refused(mine: str, other: str) -> None:
    assert found(entry(mine).model_copy(update={"gguf": entry(other).gguf}))


@pytest.mark.parametrize(("mine", "other"), PAIRS)
def test_c2_another_model_s_weights_or_shape_alone_is_refused(mine: str, other: str) -> None:
    theirs = entry(other).gguf
    assert found(
        entry(mine).model_copy(update={"gguf": entry(mine).gguf.model_copy(update={"weights": theirs.weights})})
    )
    if (theirs.shape.embedding_length, theirs.shape.vocab_size) != (
        entry(mine).gguf.shape.embedding_length,
        entry(mine).gguf.shape.vocab_size,
    ):
        alone = entry(mine).gguf.model_copy(update={"shape": theirs.shape})
        assert found(entry(mine).model_copy(update={"gguf": alone}))


@given(st.integers(1, 2**42))
def test_c2_bytes_are_accepted_only_where_the_file_has_room_for_them_and_no_more(gpu_bytes: int) -> None:
    model = entry()
    assert model.gguf.weights
    rest = model.size_bytes - gpu_bytes - model.gguf.weights.input_bytes
    assert ("gguf.weights" in found(with_facts(weights={"gpu_bytes": gpu_bytes}))) == (not 0 <= rest <= 64 << 20)


def test_messages_have_no_jargon() -> None:
    said = "\n".join(found(with_facts(shape={"head_count": 30, "vocab_size": 0}, weights={"gpu_bytes": 1})).values())
    assert not re.search(r"pattern|regex|None|\\", said)
