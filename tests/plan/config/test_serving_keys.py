"""Keys that say how a model's memory is spent become the engine's flags, and only where they differ from its own."""

import shlex
from typing import Any

import pytest
import yaml

from plan.base.errors import ConfigError
from tests.plans import with_models


def words(keys: dict[str, Any]) -> list[str]:
    text = with_models({"qwen3-8b": keys}).server.files["llama-swap.yaml"]
    return shlex.split(yaml.safe_load(text)["models"]["qwen3-8b"]["cmd"])


def value(said: list[str], flag: str) -> str:
    return said[said.index(flag) + 1]


def test_defaults_are_left_to_the_engine() -> None:
    said = words({})
    assert not {"--cache-type-k", "--cache-type-v", "--ubatch-size", "--batch-size"} & {*said}
    assert value(said, "--parallel") == "1", "the engine's own default is four"


def test_each_request_has_all_of_the_context_however_many_there_are() -> None:
    plan = with_models({"qwen3-8b": {"context": 8192, "parallel": 3}})
    said = shlex.split(yaml.safe_load(plan.server.files["llama-swap.yaml"])["models"]["qwen3-8b"]["cmd"])
    assert (value(said, "--ctx-size"), value(said, "--parallel")) == ("24576", "3")
    contract = {model["id"]: model for model in plan.contract["models"]}["qwen3-8b"]
    assert contract["contextTokens"] == 8192
    one, three = (with_models({"qwen3-8b": {"context": 8192, "parallel": n}}).fit for n in (1, 3))
    assert one
    assert three
    assert three.models["qwen3-8b"].kv_mib == pytest.approx(3 * one.models["qwen3-8b"].kv_mib)


def test_a_quantized_cache_is_one_for_keys_and_values() -> None:
    said = words({"kv_type": "q8_0"})
    assert (value(said, "--cache-type-k"), value(said, "--cache-type-v")) == ("q8_0", "q8_0")


def test_a_ubatch_above_the_batch_takes_the_batch_along() -> None:
    assert value(words({"ubatch": 1024}), "--ubatch-size") == "1024"
    assert "--batch-size" not in words({"ubatch": 2048})
    said = words({"ubatch": 4096})
    assert (value(said, "--batch-size"), value(said, "--ubatch-size")) == ("4096", "4096"), "it would be cut to 2048"


@pytest.mark.parametrize(
    "keys",
    [
        {"reasoning": "on"},
        {"reasoning": "auto"},
        {"reasoning": "on", "args": {"reasoning-budget": -1}},
        {"args": {"chat-template-kwargs": '{"enable_thinking": true}'}},
    ],
)
def test_a_model_that_thinks_without_a_bound_is_refused_with_both_ways_out(keys: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"models\.qwen3-8b\.reasoning: got") as caught:
        words(keys)
    assert "`reasoning: off`" in str(caught.value)
    assert "reasoning-budget: 1024" in str(caught.value)


@pytest.mark.parametrize("budget", [0, 512, "2048"])
def test_a_model_that_thinks_with_a_bound_is_served(budget: int | str) -> None:
    said = words({"reasoning": "on", "args": {"reasoning-budget": budget}})
    assert (value(said, "--reasoning"), value(said, "--reasoning-budget")) == ("on", str(budget))
