"""C4: keys that are right each, and wrong together or on that day."""

import datetime
from typing import Any

import pytest

from plan import config
from plan.base.errors import ConfigError
from plan.models.lock import Lock, generation
from tests import stacks
from tests.plan.config import every_key
from tests.plan.config.every_key import changed
from tests.plans import TODAY, made

MODEL = ("models", "qwen3vl-8b")


def refused(path: tuple[str | int, ...], value: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        made(changed(every_key.raw(), path, value))
    return str(caught.value)


def test_the_stack_with_every_key_is_planned() -> None:
    made(every_key.raw())


@pytest.mark.parametrize("tokens", [999999, 4097, 2**31 - 1, 8192, 10**9, 5000])
def test_c4_an_answer_longer_than_its_context(tokens: int) -> None:
    said = refused((*MODEL, "max_output_tokens"), tokens)
    assert f"max_output_tokens {tokens} is more than context 4096" in said or "Write 2147483647 or less" in said


def test_c4_an_answer_as_long_as_its_context_is_taken() -> None:
    made(changed(every_key.raw(), (*MODEL, "max_output_tokens"), 4096))


@pytest.mark.parametrize("budget", [4096, 4097, "4096", 10**9, 2**62, "99999"])
@pytest.mark.parametrize("reasoning", ["on", "off"])
def test_c4_a_bound_of_thinking_that_leaves_no_answer(budget: int | str, reasoning: str) -> None:
    raw = changed(every_key.raw(), (*MODEL, "args"), {"reasoning-budget": budget})
    with pytest.raises(ConfigError, match=r"args\.reasoning-budget: got .* share the 4096 tokens of `context`"):
        made(changed(raw, (*MODEL, "reasoning"), reasoning))


@pytest.mark.parametrize("budget", [0, 1, 4095, "2048", -1])
def test_c4_a_smaller_bound_is_taken(budget: int | str) -> None:
    raw = changed(every_key.raw(), (*MODEL, "max_output_tokens"), 4096)
    made(changed(raw, (*MODEL, "args"), {"reasoning-budget": budget}))


@pytest.mark.parametrize(("most", "budget"), [(1024, 1024), (1024, "1025"), (1, 1), (4096, 4095), (2048, 1), (1, 0)])
def test_c4_a_bound_of_thinking_that_takes_the_whole_answer(most: int, budget: int | str) -> None:
    raw = changed(every_key.raw(), (*MODEL, "max_output_tokens"), most)
    raw = changed(raw, (*MODEL, "args"), {"reasoning-budget": budget})
    made(raw)  # it does not think
    raw = changed(raw, (*MODEL, "reasoning"), "on")
    if int(budget) < most:
        made(raw)
        return
    with pytest.raises(ConfigError, match=rf"args\.reasoning-budget: got .* the contract says is {most} "):
        made(raw)


def test_c4_without_a_longest_answer_the_contracts_counts() -> None:
    raw = changed(changed(every_key.raw(), (*MODEL, "max_output_tokens"), None), (*MODEL, "reasoning"), "on")
    made(changed(raw, (*MODEL, "args"), {"reasoning-budget": 2047}))
    with pytest.raises(ConfigError, match="the contract says is 2048 "):
        made(changed(raw, (*MODEL, "args"), {"reasoning-budget": 2048}))


@pytest.mark.parametrize("day", ["2099-01-01", "2026-11-24", "9999-12-31", "2027-11-22", "2026-12-22"])
@pytest.mark.parametrize("path", [(*MODEL, "measured", 0, "date"), ("gpu", "tenants", "immich", "measured", "date")])
def test_c4_a_measurement_in_the_future(path: tuple[str | int, ...], day: str) -> None:
    said = refused(path, day)
    assert f"{'.'.join(map(str, path))}: got '{day}'. Today is {TODAY}" in said


@pytest.mark.parametrize("day", ["2023-03-09", "1970-01-01", "0001-01-01", "2022-12-31", "2000-02-29"])
def test_c4_a_measurement_from_before_there_was_llama_cpp(day: str) -> None:
    assert "no llama.cpp to measure before 2023-03-10" in refused((*MODEL, "measured", 0, "date"), day)


@pytest.mark.parametrize("days", [0, 1])
def test_c4_today_and_tomorrow_elsewhere_are_no_future(days: int) -> None:
    day = TODAY + datetime.timedelta(days=days)
    made(changed(every_key.raw(), (*MODEL, "measured", 0, "date"), str(day)))


@pytest.mark.parametrize("rate", [float("inf"), float("-inf"), float("nan"), 1e300, 0.0, -1.0, 10**7])
def test_c4_a_rate_that_no_model_answers_with(rate: float) -> None:
    assert "tokens_s: got" in refused((*MODEL, "measured", 0, "tokens_s"), rate)


@pytest.mark.parametrize("deployment", ["llama-swap", "gpumem-advertise"])
@pytest.mark.parametrize("namespace", ["llama-cpp", "a", "x-1"])
def test_c4_the_tenants_deployment_is_not_our_own(deployment: str, namespace: str) -> None:
    raw = changed(every_key.raw(), ("immich", "deployment"), deployment)
    raw["namespace"] = raw["immich"]["namespace"] = namespace
    with pytest.raises(ConfigError, match=f"immich.deployment {deployment} in {namespace} is this stack's own"):
        config.parse(raw)
    raw["immich"]["namespace"] = "immich"
    config.parse(raw)


@pytest.mark.parametrize(
    ("model", "card"),
    [
        ("other", {"context_mib": 300, "context_upper_mib": 299}),
        ("other", {"context_mib": 300, "context_upper_mib": 1}),
        ("t4", {"context_upper_mib": 124}),
        ("t4", {"context_mib": 201, "context_upper_mib": 200}),
        ("rtx-3070", {"context_upper_mib": 169}),
        ("rtx-3070", {"context_mib": 2**30, "context_upper_mib": 2**30 - 1}),
    ],
)
def test_c4_the_largest_cuda_context_is_no_smaller_than_the_usual_one(model: str, card: dict[str, int]) -> None:
    gpu = {"model": model, "card": {"total_mib": 81920, "compute_capability": 9.0, **card}}
    raw = changed(changed(every_key.raw(), ("gpu",), gpu), MODEL, {**every_key.MODEL, "measured": []})
    with pytest.raises(ConfigError, match=r"gpu\.card\.context_upper_mib: got \d+\. The largest context is no smaller"):
        made(raw)


def test_c4_a_list_of_files_that_is_too_long_for_a_program_is_refused() -> None:
    lock = stacks.locked()
    model = lock.models["qwen3-8b"]
    name, size = f"{'p' * 200}-Q4_K_M", model.files[0].size // 600 + 1
    parts = tuple(
        model.files[0].model_copy(update={"path": f"{name}-{n:05d}-of-00600.gguf", "part": f"{n}/600", "size": size})
        for n in range(1, 601)
    )
    split = model.model_copy(update={"files": parts, "gen": generation(parts)})
    many = Lock(version=1, models={**lock.models, "qwen3-8b": split})

    with pytest.raises(ConfigError, match=r"models\.qwen3-8b: got '\d+ bytes'\. A program takes at most 131071 bytes"):
        made(stacks.raw("t4"), many)


def test_c4_so_many_models_that_no_program_can_be_told_of_them_are_refused() -> None:
    raw, lock = stacks.raw("t4"), stacks.locked()
    ids = [f"m{number}" for number in range(1200)]
    source = {**raw["models"]["qwen3-8b"], "context": 2048}
    raw["models"], raw["gpu"], raw["volume"]["size_gib"] = dict.fromkeys(ids, source), {"model": "none"}, 2**20
    many = Lock(version=1, models=dict.fromkeys(ids, lock.models["qwen3-8b"]))

    with pytest.raises(ConfigError, match=r"stack\.models: got '\d+ bytes'.*Serve fewer models"):
        made(raw, many)
