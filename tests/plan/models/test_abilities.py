"""C8: a model is served as what its header says, or refused where its stack says something else."""

from typing import Any

import pytest

from plan.base.errors import ConfigError
from plan.catalogue.cards import CARDS
from plan.engine.llama_swap import CONFIG_FILE
from plan.models.gguf_facts import GgufFacts, Shape
from plan.plan import Plan
from plan.vram.estimate import Serving, estimate
from tests import stacks
from tests.plan.models.entries import refusal, with_entry, with_facts
from tests.plans import made

ID = "qwen3-8b"
FITS = {"context": 512}


def of(keys: dict[str, Any], **shape: Any) -> tuple[dict[str, Any], Any]:
    """The stack t4 with other keys at one model, and a lock with other facts of it."""
    raw = stacks.raw("t4")
    raw["models"][ID] |= {"fallback": None, **FITS, **keys}
    for model in raw["models"].values():
        model["fallback"] = model.get("fallback") if model.get("fallback") != ID else None
    return raw, with_entry(ID, with_facts(shape={"source": "header", **shape}))


def plan(keys: dict[str, Any], **shape: Any) -> Plan:
    return made(*of(keys, **shape))


def refused(keys: dict[str, Any], **shape: Any) -> str:
    return refusal(*of(keys, **shape))


def command(plan: Plan) -> list[str]:
    text = plan.server.files[CONFIG_FILE].split(f"--alias {ID} ")[1].split("--port")[0]
    return text.split()


def contract(plan: Plan) -> dict[str, Any]:
    return dict(next(model for model in plan.contract["models"] if model["id"] == ID))


@pytest.mark.parametrize(
    ("keys", "shape", "mode", "has"),
    [
        ({}, {}, "chat", ["--jinja", "--reasoning off"]),
        ({}, {"pooling_type": 0}, "chat", ["--jinja"]),
        ({"mode": "chat"}, {}, "chat", ["--jinja"]),
        ({}, {"pooling_type": 1}, "embedding", ["--embeddings"]),
        ({}, {"pooling_type": 2}, "embedding", ["--embeddings"]),
        ({}, {"pooling_type": 3}, "embedding", ["--embeddings"]),
        ({}, {"pooling_type": 4}, "rerank", ["--reranking"]),
        ({"mode": "embedding"}, {"pooling_type": 3}, "embedding", ["--embeddings"]),
        ({"mode": "rerank"}, {"pooling_type": 4}, "rerank", ["--reranking"]),
        ({"mode": "embedding", "pooling": "last"}, {}, "embedding", ["--embeddings", "--pooling last"]),
        ({"pooling": "cls"}, {"pooling_type": 1}, "embedding", ["--embeddings", "--pooling cls"]),
        ({"mode": "rerank"}, {"source": "published"}, "rerank", ["--reranking"]),
    ],
)
def test_c8_a_model_is_served_as_what_its_header_says(
    keys: dict[str, Any], shape: dict[str, Any], mode: str, has: list[str]
) -> None:
    planned = plan(keys, **shape)

    words = " ".join(command(planned))
    assert all(flag in words for flag in has)
    assert ("--jinja" in words) == ("--reasoning " in words) == (mode == "chat")
    assert [flag in words for flag in ("--embeddings", "--reranking")] == [mode == "embedding", mode == "rerank"]
    said = contract(planned)
    assert said["mode"] == mode
    assert (said["maxOutputTokens"] > 0) == (mode == "chat")
    assert said.get("dimensions") == (4096 if mode == "embedding" else None)
    assert said["tools"] in ((True,) if mode == "chat" else (False,))
    assert f"mode: {mode}" in planned.litellm


@pytest.mark.parametrize(
    ("keys", "shape", "said"),
    [
        ({"mode": "chat"}, {"pooling_type": 3}, "models.qwen3-8b.mode: got 'chat'. Its header says that it makes vect"),
        ({"mode": "chat"}, {"pooling_type": 4}, "it scores documents: write `mode: rerank`, or leave it out."),
        ({"mode": "rerank"}, {"pooling_type": 1}, "write `mode: embedding`, or leave it out."),
        ({"mode": "embedding"}, {"pooling_type": 4}, "write `mode: rerank`, or leave it out."),
        ({"mode": "chat"}, {"architecture": "bert"}, "write `mode: embedding`, or leave it out."),
        ({"mode": "rerank"}, {}, "no pooling of the kind RANK, so nothing in it scores a document."),
        ({"mode": "embedding"}, {}, "Nothing says how a text becomes one vector: write `pooling: last`"),
        ({"mode": "embedding"}, {"pooling_type": 0}, "Nothing says how a text becomes one vector"),
        ({"pooling": "mean"}, {}, "qwen3-8b.pooling: got 'mean'. It is for `mode: embedding`, and this one is served"),
        ({"pooling": "mean"}, {"pooling_type": 4}, "It is for `mode: embedding`, and this one is served for rerank."),
        ({"reasoning": "on"}, {"pooling_type": 3}, "A model of mode embedding does not think: leave it out."),
        ({"max_output_tokens": 100}, {"pooling_type": 3}, "max_output_tokens: got 100. A model of mode embedding writ"),
        ({"verify": {"prompt": "a", "expect": "b"}}, {"pooling_type": 4}, "A model of mode rerank writes no answer"),
        ({"context": 1024}, {"pooling_type": 1}, "and `ubatch` is 512: write `ubatch: 1024`, or a context of 512."),
        ({"context": 513}, {"pooling_type": 2}, "context: got 513. A text is computed at once"),
        ({"context": 1024, "ubatch": 1000}, {"pooling_type": 4}, "write `ubatch: 1024`, or a context of 1000."),
        (
            {"fallback": "qwen3vl-4b"},
            {"pooling_type": 3},
            "It is of mode chat, and cannot answer for one of",
        ),
    ],
)
def test_c8_what_contradicts_the_header_or_another_key_is_refused(
    keys: dict[str, Any], shape: dict[str, Any], said: str
) -> None:
    assert said in refused(keys, **shape)


@pytest.mark.parametrize("keys", [{"context": 8192}, {"context": 8192, "pooling": "last"}, {"context": 4096}])
def test_a_text_of_a_model_that_pools_at_its_end_may_be_longer_than_a_ubatch(keys: dict[str, Any]) -> None:
    assert contract(plan(keys, pooling_type=3))["contextTokens"] == keys["context"]


@pytest.mark.parametrize("mode", ["vision", "", None, 1, "Chat", ["chat"], "embeddings"])
def test_a_mode_that_there_is_not_is_refused_in_words(mode: Any) -> None:
    if mode is None:
        assert contract(plan({"mode": None}))["mode"] == "chat"
        return
    with pytest.raises(ConfigError, match=r"models\.qwen3-8b\.mode"):
        plan({"mode": mode})


@pytest.mark.parametrize(("embeds", "mib"), [(False, 34.0), (True, 306.8)])
def test_logits_of_every_token_are_in_the_memory_of_an_embedding_model(embeds: bool, mib: float) -> None:
    """llama-server's own figures for Qwen3-Embedding-0.6B at 8192 tokens."""
    shape = Shape(
        architecture="qwen3", block_count=28, embedding_length=1024, feed_forward_length=3072, head_count=16,
        head_count_kv=8, key_length=128, value_length=128, vocab_size=151936, source="header",
    )  # fmt: skip

    found = estimate(GgufFacts(shape=shape), {"model": 1}, Serving(8192, embeds=embeds), CARDS["t4"])

    assert found.compute_mib == pytest.approx(mib, abs=0.1)


def test_the_budget_counts_those_logits() -> None:
    def takes(pooling: int) -> float:
        fit = plan({}, pooling_type=pooling).fit
        assert fit
        return fit.models[ID].compute_mib

    assert takes(4) > takes(0) + 200


def test_both_models_of_a_chain_are_told_when_neither_is_what_it_says() -> None:
    raw, lock = of({"mode": "rerank"})
    raw["models"]["qwen3vl-4b"]["pooling"] = "mean"

    said = refusal(raw, lock)

    assert "models.qwen3-8b.mode" in said
    assert "models.qwen3vl-4b.pooling" in said


@pytest.mark.parametrize(
    ("encoders", "sees"),
    [
        ({}, True),
        ({"has_vision_encoder": True}, True),
        ({"has_vision_encoder": True, "has_audio_encoder": True}, True),
        ({"has_vision_encoder": False}, False),
        ({"has_audio_encoder": True}, False),
        ({"has_vision_encoder": False, "has_audio_encoder": True}, False),
        ({"has_audio_encoder": False}, True),
    ],
)
def test_a_projector_for_sound_alone_is_no_vision(encoders: dict[str, bool], sees: bool) -> None:
    lock = with_entry("qwen3vl-8b", with_facts("qwen3vl-8b", projector=encoders))

    said = next(it for it in made(stacks.raw("t4"), lock).contract["models"] if it["id"] == "qwen3vl-8b")

    assert (said["vision"], said["remoteImages"]) == (sees, sees)
