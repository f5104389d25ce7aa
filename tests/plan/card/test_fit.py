"""The card is counted before anything is deployed: what may be on it at once, and what is said when it is too small."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.card.fit import Fit, plan_fit
from plan.card.fit_table import fit_line, require_fit
from tests import golden, stacks
from tests.plans import TODAY

LOCKED = stacks.locked().models
IDS = sorted(stacks.raw("t4")["models"])


def counted(raw: dict[str, Any]) -> Fit:
    fit = plan_fit(config.parse(raw), LOCKED, TODAY, with_contexts=True)
    assert fit, "the stack has a card"
    return fit


def changed(models: dict[str, dict[str, Any]] | None = None, **gpu: Any) -> dict[str, Any]:
    """The stack with more keys at some models and other keys of the card."""
    raw = stacks.raw("t4")
    raw["gpu"].update(gpu)
    for model_id, keys in (models or {}).items():
        raw["models"][model_id].update(keys)
    return raw


def refusal(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        require_fit(counted(raw), config.parse(raw), LOCKED)
    return str(caught.value)


def test_models_that_take_turns_count_as_the_largest_of_them() -> None:
    fit = counted(changed())
    largest = max(fit.models, key=lambda m: fit.models[m].upper_mib)
    assert fit.resident == (largest,)
    assert fit.needed_mib == math.ceil(fit.models[largest].upper_mib)
    assert fit.used_mib == fit.needed_mib + 3000 + 1230 + 1950 + 256


def test_a_resident_model_counts_beside_the_largest_of_each_group() -> None:
    raw = changed({"qwen3vl-4b": {"resident": True}, "qwen3vl-8b": {"swap_group": "vision"}}, tenants={})
    raw["server"]["engine"] = "llama-swap"
    fit = counted(raw)
    assert fit.resident[0] == "qwen3vl-4b"
    assert set(fit.resident[1:]) & {"qwen3-8b", "minicpm-v-4-5"}
    assert fit.resident[-1] == "qwen3vl-8b"
    assert fit.needed_mib == sum(math.ceil(fit.models[m].upper_mib) for m in fit.resident)


def test_nothing_is_counted_where_no_card_is() -> None:
    assert plan_fit(config.parse(stacks.raw("cpu")), LOCKED, TODAY) is None


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 12000)),
    st.integers(0, 4000),
    st.sets(st.sampled_from(IDS)),
)
def test_a_set_that_sums_to_more_than_the_card_is_never_accepted(
    tenants: dict[str, int], reserve: int, resident: set[str]
) -> None:
    raw = changed(
        {model_id: {"resident": True} for model_id in resident},
        tenants={name: {"peak_mib": mib} for name, mib in tenants.items()},
        reserve_mib=reserve,
    )
    fit = counted(raw)
    least = max((fit.models[m].upper_mib for m in {*IDS} - resident), default=0.0)
    worst = sum(fit.models[m].upper_mib for m in resident) + least + sum(tenants.values()) + reserve
    try:
        require_fit(fit, config.parse(raw), LOCKED)
    except ConfigError:
        assert worst > fit.capacity_mib - 1 - len(IDS), "only whole MiB may have been rounded up"
    else:
        assert worst <= fit.capacity_mib


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_a_tenant_that_grows_never_makes_room(one: int, other: int) -> None:
    smaller, larger = (counted(changed(tenants={"a": {"peak_mib": mib}})) for mib in sorted((one, other)))
    assert smaller.over_mib <= larger.over_mib
    for model_id in IDS:
        assert (smaller.largest_context[model_id] or 0) >= (larger.largest_context[model_id] or 0)


@given(st.sampled_from(IDS), st.integers(0, 11000), st.integers(1, 3))
def test_the_largest_context_that_is_named_fits_and_the_next_does_not(
    model_id: str, peak_mib: int, parallel: int
) -> None:
    def with_context(context: int) -> Fit:
        keys = {"context": context, "parallel": parallel}
        return counted(changed({model_id: keys}, tenants={"a": {"peak_mib": peak_mib + 1}}))

    fit = with_context(2048)
    largest = fit.largest_context[model_id]
    (room,) = (group.room_mib for group in fit.groups if model_id in group.members)
    trained = LOCKED[model_id].gguf.shape.context_length or 0
    least = 2048 - 256
    if largest:
        assert largest > least
        assert math.floor(with_context(largest).models[model_id].upper_mib) <= room
    if (next_one := max(largest or 0, least) + 256) <= trained:
        assert with_context(next_one).models[model_id].upper_mib > room


def test_a_refusal_has_the_table_and_every_way_out() -> None:
    assert golden.refusal() == (golden.PLANS / "refusal.txt").read_text(), "run `make golden` and read the diff"


def test_a_preview_has_one_line_for_the_card() -> None:
    fit = counted(changed())
    said = fit_line(fit)
    assert f"{fit.used_mib} of {fit.capacity_mib} MiB" in said
    assert fit.resident[0] in said
    assert fit.models[fit.resident[0]].source in said


def test_another_card_is_described_in_the_configuration() -> None:
    card = {"total_mib": 24576, "context_mib": 300, "compute_capability": 8.9}
    fit = counted(changed(model="other", card=card))
    assert (fit.card.compute_capability, fit.card.context_upper_mib) == (89, 480)
    assert fit.capacity_mib == 24576 - 1229, "until the operator says what its driver keeps"
    assert counted(changed(card={"driver_mib": 265})).capacity_mib == 15095


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"context": 40961}, r"qwen3-8b\.context: got 40961\. The model was trained for 40960"),
        ({"kv_type": "q8_0"}, r"qwen3-8b\.kv_type: got 'q8_0'\. On compute capability 7\.5 .* 0\.58 tokens/s"),
    ],
)
def test_what_a_model_may_not_be_served_with_is_refused_whatever_room_there_is(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        counted(changed({"qwen3-8b": keys}, tenants={}))


def test_a_quantized_cache_that_was_shown_to_be_usable_is_accepted() -> None:
    shown = {"mib": 6900, "context": 16384, "kv_type": "q8_0", "date": "2026-11-01", "tokens_s": 24}
    assert counted(changed({"qwen3-8b": {"kv_type": "q8_0", "measured": [shown]}}))
    with pytest.raises(ConfigError, match="tokens_s of 10 or more"):
        counted(changed({"qwen3-8b": {"kv_type": "q8_0", "measured": [{**shown, "tokens_s": 0.58}]}}))
    assert counted(changed({"qwen3-8b": {"kv_type": "q8_0"}}, model="rtx-3070", tenants={})), "8.6 has the kernels"


def test_a_stretched_context_may_be_longer_than_the_trained_one() -> None:
    assert counted(changed({"qwen3-8b": {"context": 65536, "args": {"rope-scaling": "yarn", "rope-scale": 2}}}))


def test_a_window_counts_to_the_end_of_its_day() -> None:
    def immich(until: str) -> dict[str, Any]:
        return changed(tenants={"immich-ml": {"peak_mib": 3000, "scaled_to_zero_until": until}})

    open_still = counted(immich("2026-11-22"))
    assert [(row.who, row.mib) for row in open_still.rows if row.kind == "tenant"] == [("immich-ml", 0)]
    with pytest.raises(ConfigError, match=r"immich-ml\.scaled_to_zero_until: got '2026-11-21'. The window has ended"):
        counted(immich("2026-11-21"))
