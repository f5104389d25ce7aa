"""make_plan: the same input gives the same bytes, and the lock decides what is served."""

import dataclasses
import datetime
import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan import config, llama_swap_schema, lock
from plan.errors import ConfigError
from plan.plan import Plan, make_plan
from tests import stacks

TODAY = datetime.date(2026, 11, 22)
GOLDEN = stacks.ROOT / "tests" / "plan" / "goldens"


def planned(stack: str, the_lock: lock.Lock | None = None, **changes: Any) -> Plan:
    return make_plan(config.parse({**stacks.raw(stack), **changes}), the_lock or stacks.locked(), TODAY)


def rendered(plan: Plan) -> str:
    return json.dumps(dataclasses.asdict(plan), indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_the_plan_of_each_stack_is_the_golden_one(stack: str) -> None:
    assert rendered(planned(stack)) == (GOLDEN / f"{stack}.json").read_text(), "run `make golden` and read the diff"


@given(st.permutations(sorted(stacks.raw("prod")["models"])), st.permutations(sorted(stacks.raw("prod"))))
def test_the_order_of_keys_changes_nothing(models: list[str], keys: list[str]) -> None:
    raw = stacks.raw("prod")
    raw["models"] = {model_id: raw["models"][model_id] for model_id in models}
    shuffled = make_plan(config.parse({key: raw[key] for key in keys}), stacks.locked(), TODAY)

    assert rendered(shuffled) == rendered(planned("prod"))


@pytest.mark.parametrize("field", ["repo", "quant", "mmproj"])
def test_a_configuration_that_the_lock_does_not_follow_says_which_command_to_run(field: str) -> None:
    raw = stacks.raw("prod")
    raw["models"]["qwen3vl-4b"][field] = None if field == "mmproj" else "Other/Thing"
    with pytest.raises(ConfigError, match=re.escape("python -m ops lock --update qwen3vl-4b")):
        make_plan(config.parse(raw), stacks.locked(), TODAY)


def test_new_weights_change_the_servers_configuration_and_one_job_only() -> None:
    before, old = planned("prod"), stacks.locked()
    model = old.models["qwen3-8b"]
    file = model.files[0].model_copy(update={"sha256": "0" * 64})
    changed = model.model_copy(update={"files": (file,), "gen": lock.generation([file])})
    after = planned("prod", old.model_copy(update={"models": {**old.models, "qwen3-8b": changed}}))

    assert after.server.files != before.server.files, "a new generation always means a rollout"
    moved = [a.model_id for a, b in zip(after.fetches, before.fetches, strict=True) if a != b]
    assert moved == ["qwen3-8b"]


def test_header_facts_change_neither_the_server_nor_a_job() -> None:
    old = stacks.locked()
    facts = lock.GgufFacts(architecture="qwen3", context=1, source="derived")
    model = old.models["qwen3-8b"].model_copy(update={"gguf": facts})

    assert planned("prod", old.model_copy(update={"models": {**old.models, "qwen3-8b": model}})) == planned("prod")


def test_llama_swaps_file_is_one_that_llama_swap_reads() -> None:
    text = planned("prod").server.files["llama-swap.yaml"]

    parsed = llama_swap_schema.Config.model_validate(yaml.safe_load(text))

    assert set(parsed.models) == set(stacks.raw("prod")["models"])
    assert parsed.apiKeys == ["${env.LLAMA_SWAP_API_KEY}"], "the key itself must not lie in a ConfigMap"
    for entry in parsed.models.values():
        assert "--port ${PORT}" in entry.cmd, "the default port differs between builds"
        assert "--host 127.0.0.1" in entry.cmd, "only llama-swap may reach a model's process"


def test_the_load_timeout_covers_the_largest_model_at_the_slowest_rate() -> None:
    parsed = yaml.safe_load(planned("prod").server.files["llama-swap.yaml"])
    largest_mib = max(model.size_bytes for model in stacks.locked().models.values()) / 2**20
    assert parsed["healthCheckTimeout"] > largest_mib / stacks.raw("prod")["volume"].get("read_mib_s", 60)


def test_both_engines_serve_the_same_files_with_the_same_flags() -> None:
    swap = planned("prod").server.files["llama-swap.yaml"]
    router = planned("prod", server={**stacks.raw("prod")["server"], "engine": "llama-server"}).server

    ini = router.files["models.ini"]
    for model_id, entry in yaml.safe_load(swap)["models"].items():
        section = ini.split(f"[{model_id}]\n")[1].split("\n\n")[0]
        for flag in re.findall(r"--([a-z-]+)", entry["cmd"]):
            assert flag in {"host", "port"} or f"{flag} = " in section, f"{flag} is missing for the router"
    assert "--models-max 1" in " ".join(router.arguments), "two models at once do not fit on the card"


def test_the_llama_swap_model_refuses_a_key_the_binary_does_not_read() -> None:
    with pytest.raises(ValueError, match="healthcheckTimeout"):
        llama_swap_schema.Config.model_validate({"models": {"a": {"cmd": "x"}}, "healthcheckTimeout": 20})


@pytest.mark.parametrize("count", [4, 64, 512])
def test_the_contract_lists_every_model_however_many(count: int) -> None:
    raw, old = stacks.raw("prod"), stacks.locked()
    raw["models"] = {f"model-{n}": raw["models"]["qwen3-8b"] for n in range(count)}
    many = old.model_copy(update={"models": dict.fromkeys(raw["models"], old.models["qwen3-8b"])})

    plan = make_plan(config.parse(raw), many, TODAY)

    assert len(plan.contract["models"]) == len(plan.fetches) == count
