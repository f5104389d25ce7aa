"""Keys that say how a model's memory is spent become the engine's flags, and only where they differ from its own."""

import re
import shlex
from typing import Any

import pytest
import yaml

from plan.base.errors import ConfigError
from tests import stacks
from tests.plans import made, with_models


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


def test_requests_that_share_a_cache_share_the_context() -> None:
    keys = {"context": 8192, "parallel": 3, "kv_unified": True}
    said, plan = words(keys), with_models({"qwen3-8b": keys})
    assert (value(said, "--ctx-size"), value(said, "--parallel")) == ("8192", "3")
    assert "--kv-unified" in said
    assert plan.fit
    assert plan.fit.models["qwen3-8b"].kv_mib == pytest.approx(36 * 8 * 256 * 2 * 8192 / 2**20)
    assert {model["id"]: model for model in plan.contract["models"]}["qwen3-8b"]["contextTokens"] == 8192


@pytest.mark.parametrize(
    ("keys", "flag", "said"),
    [
        ({"batch": 4096}, "--batch-size", "4096"),
        ({"batch": 512}, "--batch-size", "512"),
        ({"batch": 8192, "ubatch": 4096}, "--batch-size", "8192"),
        ({"cache_ram_mib": 0}, "--cache-ram", "0"),
        ({"cache_ram_mib": 1024}, "--cache-ram", "1024"),
    ],
)
def test_what_is_kept_and_taken_in_at_a_time_is_told_to_the_engine(keys: dict[str, Any], flag: str, said: str) -> None:
    assert value(words(keys), flag) == said


def test_checkpoints_are_told_for_a_model_that_makes_them() -> None:
    """Of the tests' models the one with windows is on the CPU; Qwen3 goes back to any token."""
    assert "--ctx-checkpoints" not in words({})
    (ini,) = [text for name, text in made(stacks.raw("cpu")).server.files.items() if name == "models.ini"]
    assert "ctx-checkpoints = 8" in ini


def test_the_least_of_an_image_is_told_for_one_that_sees() -> None:
    plan = with_models({"qwen3vl-8b": {"image_min_tokens": 256}})
    command = yaml.safe_load(plan.server.files["llama-swap.yaml"])["models"]["qwen3vl-8b"]["cmd"]
    assert value(shlex.split(command), "--image-min-tokens") == "256"


def test_how_many_may_wait_and_who_is_not_listed_is_llama_swaps_to_know() -> None:
    plan = with_models({"qwen3-8b": {"concurrency": 20, "listed": False}})
    entries = yaml.safe_load(plan.server.files["llama-swap.yaml"])["models"]
    assert (entries["qwen3-8b"]["concurrencyLimit"], entries["qwen3-8b"]["unlisted"]) == (20, True)
    assert not {"concurrencyLimit", "unlisted"} & {*entries["qwen3vl-8b"]}
    contract = {model["id"]: model for model in plan.contract["models"]}
    assert (contract["qwen3-8b"].get("concurrency"), contract["qwen3-8b"].get("listed")) == (20, False)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"batch": 256}, "atch 256 is less than ubatch 512"),
        ({"batch": 0}, "batch"),
        ({"batch": 64, "ubatch": 64, "parallel": 100, "context": 256}, "atch 64 is less than parallel 100"),
        ({"concurrency": 2, "parallel": 3}, "oncurrency 2 is less than parallel 3"),
        ({"concurrency": 0}, "concurrency"),
        ({"cache_ram_mib": -1}, "cache_ram_mib"),
        ({"cache_ram_mib": 50000}, "server.memory_limit_mib"),
        ({"ctx_checkpoints": -1}, "ctx_checkpoints"),
        ({"image_min_tokens": 256}, "It sees no images"),
        ({"args": {"batch-size": 4096}}, "`batch`"),
        ({"args": {"kv-unified": True}}, "`kv_unified`"),
        ({"args": {"no-kv-unified": True}}, "`kv_unified`"),
        ({"args": {"cache-ram": 1}}, "`cache_ram_mib`"),
        ({"args": {"ctx-checkpoints": 1}}, "`ctx_checkpoints`"),
        ({"args": {"swa-checkpoints": 1}}, "`ctx_checkpoints`"),
        ({"args": {"image-min-tokens": 1}}, "`image_min_tokens`"),
    ],
)
def test_what_cannot_be_or_has_a_key_is_refused_with_it(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        with_models({"qwen3-8b": keys})


def test_more_slots_than_llama_swap_lets_in_are_let_in() -> None:
    plan = with_models({"qwen3-8b": {"context": 512, "parallel": 16}, "qwen3vl-8b": {"parallel": 10}})
    entries = yaml.safe_load(plan.server.files["llama-swap.yaml"])["models"]
    assert entries["qwen3-8b"]["concurrencyLimit"] == 16
    assert "concurrencyLimit" not in entries["qwen3vl-8b"]
    assert {model["id"]: model.get("concurrency") for model in plan.contract["models"]}["qwen3-8b"] == 16


def test_that_requests_share_a_context_is_told_to_operators_and_consumers() -> None:
    plan = with_models({"qwen3-8b": {"context": 8192, "parallel": 3, "kv_unified": True}})
    assert "qwen3-8b: its 3 requests share 8192 tokens" in "\n".join(plan.notes)
    assert {model["id"]: model.get("sharedContext") for model in plan.contract["models"]}["qwen3-8b"] is True
    alone = with_models({"qwen3-8b": {"context": 8192, "kv_unified": True}})
    assert "share" not in "\n".join(alone.notes)


@pytest.mark.parametrize(
    ("resource", "named"),
    [("nvidia.com/gpu", True), ("nvidia.com/gpu.shared", True), ("amd.com/gpu", False), ("gpu.intel.com/i915", False)],
)
def test_the_card_is_named_where_it_is_one_of_nvidia(resource: str, named: bool) -> None:
    raw = stacks.raw("t4")
    raw["gpu"]["slice"] = {"resource": resource}
    assert ("--device CUDA0" in made(raw).server.files["llama-swap.yaml"]) == named


@pytest.mark.parametrize(("device", "said"), [("Vulkan0", " --device Vulkan0 "), ("any", None)])
@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "amd.com/gpu"])
def test_an_image_may_call_the_card_otherwise_or_not_be_asked(resource: str, device: str, said: str | None) -> None:
    raw = stacks.raw("t4")
    raw["gpu"] |= {"slice": {"resource": resource}, "device": device}
    commands = made(raw).server.files["llama-swap.yaml"]
    assert said in commands if said else "--device" not in commands


def test_where_no_card_is_no_device_is_named() -> None:
    raw = stacks.raw("cpu")
    raw["gpu"]["device"] = "CUDA0"
    with pytest.raises(ConfigError, match="model: none has no card to name"):
        made(raw)


@pytest.mark.parametrize("key", [{"listed": True}, {"variants": {}}, {"concurrency": None}])
def test_what_changes_nothing_is_fine_with_every_engine(key: dict[str, Any]) -> None:
    raw = stacks.raw("cpu")
    raw["models"][min(raw["models"])] |= key
    assert made(raw)


def test_an_image_has_at_most_what_the_server_says() -> None:
    with pytest.raises(ConfigError, match="image_min_tokens"):
        with_models({"qwen3vl-8b": {"image_min_tokens": 2000}})


@pytest.mark.parametrize("key", [{"concurrency": 12}, {"listed": False}])
def test_llama_cpps_own_router_has_none_of_them(key: dict[str, Any]) -> None:
    raw = stacks.raw("cpu")
    raw["models"][min(raw["models"])] |= key
    with pytest.raises(ConfigError, match=r"llama\.cpp's router has no"):
        made(raw)


@pytest.mark.parametrize("stack", ["t4", "cpu"])
def test_an_image_may_have_llama_server_elsewhere(stack: str) -> None:
    raw = stacks.raw(stack)
    raw["server"]["binary"] = "/usr/local/bin/llama-server"
    server = made(raw).server
    assert "/usr/local/bin/llama-server" in server.preflight.command
    assert "/app/llama-server" not in "".join([server.command, *server.files.values(), *server.preflight.command])


@pytest.mark.parametrize("path", ["llama-server", "/a b", "/a;b", "/a$(B)", "/${PORT}", "/a'b", "/"])
def test_what_a_shell_or_llama_swap_would_misread_is_no_path_of_it(path: str) -> None:
    raw = stacks.raw("t4")
    raw["server"]["binary"] = path
    with pytest.raises(ConfigError, match=r"server\.binary"):
        made(raw)


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
