"""Each way out that a refusal names is enough alone, whatever the stack: all of them are followed."""

import copy
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.card.fit import Fit, plan_fit
from plan.models.lock import Lock, LockedModel
from plan.vram.types import MIB
from tests import stacks
from tests.generated_stacks import Generated, generated
from tests.plans import TODAY, made

Raw = dict[str, Any]
LOCK = stacks.locked()
IDS = sorted(stacks.raw("t4")["models"])
REFUSED = r"One of these lines is enough:\n((?:  .*\n?)+)"


def counted(raw: Raw, lock: Lock) -> Fit:
    stack = config.parse(raw)
    fit = plan_fit(stack, {model_id: lock.models[model_id] for model_id in stack.models}, TODAY)
    assert fit, "the stack has a card"
    return fit


def ways(raw: Raw, lock: Lock) -> list[str]:
    """The lines of the refusal; none where it names none."""
    with pytest.raises(ConfigError, match="That may be on the card at once") as caught:
        made(raw, lock)
    found = re.search(REFUSED, str(caught.value))
    assert found or "No change of one group of models or of one tenant is enough" in str(caught.value)
    return [line.strip() for line in found[1].splitlines()] if found else []


def follow(way: str, raw: Raw, lock: Lock) -> None:
    """Write what the line says into a copy of the stack, which must be accepted then."""
    changed, quantized = copy.deepcopy(raw), dict[str, LockedModel]()
    for change in way.split(", "):
        change = re.sub(r" \(.*\)$", "", change)
        out = re.fullmatch(r"without ([\w.-]+)", change)
        place, _, value = (out[1], "", "") if out else change.partition(": ")
        *parents, key = place.split(".")
        at = changed
        for name in parents:
            at = at[name]
        if out:
            del at[key]
        elif file := re.fullmatch(r"one of (\d+) MiB or less", value):
            quantized[parents[1]] = smaller(lock.models[parents[1]], int(file[1]))
        else:
            words: dict[str, Any] = {"false": False, "the last day": "2099-12-31"}
            at[key] = value if key == "swap_group" else words[value] if value in words else int(value)
    if quantized:  # the lock of such a quantization; its name does not matter here
        assert counted(changed, lock.model_copy(update={"models": {**lock.models, **quantized}})).over_mib <= 0
    else:
        made(changed, lock)


def smaller(model: LockedModel, mib: int) -> LockedModel:
    """The model in a file of that size, as much of it on the card as can be."""
    weights, (file, *rest) = model.gguf.weights, model.files
    assert weights
    assert mib * MIB < file.size
    tied = mib * MIB // 3 if weights.tied_bytes else 0
    held = {"gpu_bytes": mib * MIB - tied, "input_bytes": tied, "tied_bytes": tied}
    facts = model.gguf.model_copy(update={"weights": weights.model_copy(update=held)})
    return model.model_copy(update={"files": (file.model_copy(update={"size": mib * MIB}), *rest), "gguf": facts})


@st.composite
def crowded(draw: st.DrawFn) -> Raw:
    """The stack t4 with models that are served in any way, and tenants that hold any amount."""
    raw = stacks.raw("t4")
    raw["server"]["engine"] = "llama-swap"
    for model_id in IDS:
        turns = draw(st.sampled_from([{}, {"swap_group": "b"}, {"resident": True}]))
        context = draw(st.integers(2048, 32768))
        keys = {"context": context, "parallel": draw(st.integers(1, 6)), **turns}
        limits = st.fixed_dictionaries({}, optional={"max_output_tokens": st.integers(1, context)})
        raw["models"][model_id].update(keys, **draw(limits))
    raw["models"]["qwen3-8b"].update(draw(st.sampled_from([{}, {"args": {"reasoning-budget": 2000}}])))
    raw["models"]["qwen3-8b"].update(draw(st.sampled_from([{}, {"fallback": "qwen3vl-4b"}])))
    raw["gpu"]["reserve_mib"] = draw(st.integers(0, 4000))
    raw["gpu"]["tenants"] = draw(st.dictionaries(st.sampled_from("abc"), _tenants(), max_size=3))
    return raw


def _tenants() -> st.SearchStrategy[Raw]:
    def tenant(parts: tuple[int, int, int]) -> Raw:
        least, middle, most = sorted(parts)
        return {"peak_mib": most, "idle_mib": least, "measured": {"mib": middle, "date": "2026-11-01"}}

    return st.tuples(*[st.integers(1, 9000)] * 3).map(tenant)


@given(crowded())
def test_each_line_that_a_refusal_offers_is_enough_alone(raw: Raw) -> None:
    try:
        over = counted(raw, LOCK).over_mib
    except ConfigError:
        assume(False)  # an image that fills the context: refused for that
        raise
    assume(over > 0)
    for way in ways(raw, LOCK):
        follow(way, raw, LOCK)


@given(generated(), st.floats(0.1, 0.99))
def test_each_line_is_enough_for_stacks_that_nobody_wrote(stack: Generated, share: float) -> None:
    raw = stack.raw
    raw["gpu"].pop("memory", None)  # whose budget is another rule
    used = counted(raw, stack.lock).used_mib
    raw["gpu"]["card"]["total_mib"] = int(used * share) + 1
    for way in ways(raw, stack.lock):
        follow(way, raw, stack.lock)
        for context in re.findall(r"context: (\d+)", way):
            assert int(context) >= 2048, "with less there is no room for question and answer"


def lines(gpu: Raw, **models: Raw) -> list[str]:
    raw = stacks.raw("t4")
    raw["server"]["engine"] = "llama-swap"
    raw["gpu"] |= gpu
    for model_id, keys in models.items():
        raw["models"][model_id].update(keys)
    found = ways(raw, LOCK)
    for way in found:
        follow(way, raw, LOCK)
    return found


def holding(mib: int, **keys: Any) -> Raw:
    return {"tenants": {"other": {"peak_mib": mib, **keys}}}


def only_one_is_large(mib: int) -> list[str]:
    """What is offered where a tenant holds that much and qwen3-8b alone is too large beside it."""
    small = {model_id: {"context": 2048} for model_id in IDS}
    return lines(holding(mib), **{**small, "qwen3-8b": {"context": 4096, "parallel": 8}})


def test_fewer_requests_at_a_time_are_offered() -> None:
    assert any(re.match(r"models\.qwen3-8b\.parallel: [1-7] \(it is 8\)", line) for line in only_one_is_large(6000))


def test_a_smaller_quantization_is_offered_by_the_size_of_its_file_and_not_below_two_bits_a_weight() -> None:
    offered = r"models\.qwen3-8b\.quant: one of \d+ MiB or less \(Q4_K_M has 4795\)"
    assert any(re.match(offered, line) for line in only_one_is_large(7000))
    assert "quant" not in " ".join(lines(holding(12000)))


def test_a_resident_model_that_would_fit_by_taking_turns_is_named_and_none_that_would_not() -> None:
    assert "models.qwen3vl-4b.resident: false" in lines(holding(4000), **{"qwen3vl-4b": {"resident": True}})
    assert "resident: false" not in " ".join(lines(holding(8000), **{"qwen3vl-4b": {"resident": True}}))


def test_a_model_that_would_fit_by_taking_turns_with_the_others_is_named() -> None:
    assert "models.qwen3-8b.swap_group: gpu0 (it is b)" in lines({}, **{"qwen3-8b": {"swap_group": "b"}})


def test_with_gpu_memory_it_is_said_that_its_budget_is_another_sum() -> None:
    raw = stacks.raw("t4")
    raw["gpu"] |= {
        **holding(14000),
        "memory": {"resource": "example.com/mib", "budget_mib": 9000, "advertise": "external"},
    }

    with pytest.raises(ConfigError, match=r"enough, and gpu\.memory\.budget_mib has to hold what pods request then:"):
        made(raw, LOCK)


def test_a_peak_below_what_was_measured_or_what_is_held_at_rest_is_not_offered() -> None:
    assert any(line.startswith("gpu.tenants.other.peak_mib: ") for line in lines(holding(9000)))
    for keys in ({"idle_mib": 9000}, {"measured": {"mib": 9000, "date": "2026-11-01"}}):
        said = lines(holding(9000, **keys))
        assert not [line for line in said if ".peak_mib" in line]
        assert [line for line in said if ".scaled_to_zero_until" in line]


def test_no_context_is_offered_in_which_an_allowed_answer_or_thought_has_no_room() -> None:
    for keys in (
        {"max_output_tokens": 16000},
        {"args": {"reasoning-budget": 16000}},
        {"args": {"reasoning-budget": 8000}, "reasoning": "on"},
    ):
        said = lines(holding(8000), **{"qwen3-8b": keys})
        assert not [line for line in said if re.search(r"qwen3-8b\.context: \d{4}\b", line)], said


def test_where_nothing_alone_is_enough_it_is_said() -> None:
    turns = {model_id: {"resident": True} for model_id in IDS}
    assert lines({"tenants": {"a": {"peak_mib": 9000}, "b": {"peak_mib": 9000}}}, **turns) == []
