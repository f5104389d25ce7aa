"""The cards whose figures are known: they agree with each other, and no plan counts with more than was published."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.card.configured_card import card as configured_card
from plan.card.fit import Fit, plan_fit
from plan.card.fit_table import table
from plan.catalogue.card import VENDORS, Card, context_bound, driver_bound
from plan.catalogue.cards import CARDS, CATALOGUE, Known
from tests import stacks
from tests.plans import TODAY

KNOWN = st.sampled_from([*CATALOGUE.values()])
MAKERS = {"total_mib": 49152, "driver_mib": 300, "context_mib": 200}
OTHER = {"total_mib": 24576, "context_mib": 300, "compute_capability": 8.9}


def described(model: str, **figures: Any) -> Card:
    found = configured_card(config.Gpu.model_validate({"model": model, "card": figures}))
    assert found
    return found


def counted(**gpu: Any) -> Fit:
    raw = stacks.raw("t4")
    raw["gpu"] |= {"tenants": {}, **gpu}
    fit = plan_fit(config.parse(raw), stacks.locked().models, TODAY)
    assert fit
    return fit


@pytest.mark.parametrize("known", CATALOGUE.values(), ids=lambda known: known.name)
def test_the_figures_of_a_card_are_in_sane_relations(known: Known) -> None:
    card = known.card

    assert 0 < card.capacity_mib <= card.total_mib
    assert 0 < card.context_mib <= card.context_upper_mib < card.capacity_mib / 8
    assert 60 <= known.compute_capability <= 120
    assert 10 <= known.multiprocessors <= 188
    assert known.gb * 0.91 <= card.total_mib / 1024 <= known.gb, (
        "sizes are sold in GiB, and error correction takes some"
    )
    assert card.capacity_mib / card.total_mib > 0.93
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", known.name)
    for source in re.split(r"; ", known.sources):
        assert re.match(r"[\w.-]+/[\w.-]+#\d+|a public log|public logs|measured with", source), source


@given(KNOWN)
def test_a_card_is_promised_no_more_than_the_least_that_cuda_had_of_it(known: Known) -> None:
    fit = counted(model=known.name)

    assert fit.card.name == known.name
    for seen_mib in known.cuda_mib or (known.card.total_mib,):
        assert fit.capacity_mib <= seen_mib
    bounded = re.findall(r"is bounded to (\d+) MiB, not measured", "\n".join(fit.card_notes))
    assert len(bounded) == (not known.cuda_mib) + (not known.contexts_mib and not known.fitted_mib)


@pytest.mark.parametrize(
    ("name", "capacity_mib"),
    [("t4", 14912), ("rtx-3070", 7819), ("rtx-2060", 5737), ("rtx-3090", 24092), ("rtx-5090", 32105), ("p40", 22905),
     ("a10", 22516), ("h100-80gb-hbm3", 81079), ("rtx-5060-ti-16gb", 15825), ("rtx-pro-6000-blackwell", 97247)],
)  # fmt: skip
def test_the_least_that_was_published_counts(name: str, capacity_mib: int) -> None:
    assert CARDS[name].capacity_mib == capacity_mib


@given(KNOWN)
def test_a_bound_is_above_every_figure_that_was_published(known: Known) -> None:
    """So it is safe for a card of which there is none."""
    for seen_mib in known.contexts_mib:
        assert seen_mib < known.card.context_upper_mib
        assert seen_mib < context_bound(known.multiprocessors)
    for seen_mib in known.cuda_mib:
        assert known.total_mib - seen_mib <= driver_bound(known.total_mib)


# What processes with a model in them held beside it: llama.cpp's "unaccounted", or nvidia-smi less llama.cpp's own sum.
@pytest.mark.parametrize(("name", "seen_mib"), [("rtx-4090", 456), ("rtx-5090", 325), ("rtx-3070", 173), ("t4", 132)])
def test_a_context_that_has_grown_is_within_the_bound(name: str, seen_mib: int) -> None:
    assert seen_mib <= CARDS[name].context_upper_mib


def test_cards_are_sorted_and_every_context_is_measured_or_said_to_be_bounded() -> None:
    assert [*CATALOGUE] == sorted(CATALOGUE)
    for known in CATALOGUE.values():
        assert ("context_mib" in known.card.bounded) == (known.card.context_mib == known.card.context_upper_mib)


@given(KNOWN, st.integers(1, 2**20), st.integers(0, 2**20))
def test_what_an_operator_says_of_a_card_counts_and_never_leaves_less_than_nothing(
    known: Known, total_mib: int, driver_mib: int
) -> None:
    if driver_mib >= total_mib:
        with pytest.raises(ConfigError, match=f"Of {total_mib} MiB the driver keeps {driver_mib}"):
            described(known.name, total_mib=total_mib, driver_mib=driver_mib)
        return
    card = described(known.name, total_mib=total_mib, driver_mib=driver_mib)
    assert card.capacity_mib == total_mib - driver_mib
    assert "driver_mib" not in card.bounded


@pytest.mark.parametrize(
    ("total_mib", "driver_mib"),
    [(6144, 450), (8192, 450), (9000, 450), (9001, 450), (10240, 512), (24576, 1229), (81920, 4096)],
)
def test_a_driver_of_which_nothing_is_known_keeps_a_twentieth_and_more_of_a_small_card(
    total_mib: int, driver_mib: int
) -> None:
    card = described("other", **{**OTHER, "total_mib": total_mib})

    assert (card.driver_mib, card.bounded) == (driver_mib, ("driver_mib",))
    assert described("other", **OTHER, driver_mib=100).bounded == ()


@pytest.mark.parametrize(
    ("model", "figures", "key"),
    [
        ("other", {**OTHER, "total_mib": 450}, "total_mib: got 450"),
        ("other", {**OTHER, "driver_mib": 24576}, "driver_mib: got 24576"),
        ("t4", {"driver_mib": 15360}, "driver_mib: got 15360"),
        ("t4", {"total_mib": 448}, "total_mib: got 448"),
        ("a2", {"total_mib": 300}, "total_mib: got 300"),
        ("amd", {**MAKERS, "driver_mib": 49152}, "driver_mib: got 49152"),
    ],
)
def test_a_card_of_which_nothing_is_left_is_refused_by_its_key(model: str, figures: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"gpu\.card\.{key}\. Of \d+ MiB the driver keeps \d+"):
        described(model, **figures)


def test_a_figure_that_an_operator_has_is_no_bound_any_more() -> None:
    assert described("rtx-2060").bounded == ("context_mib",)
    assert described("rtx-2060", context_mib=150).bounded == ()
    least = described("rtx-2060", context_upper_mib=120)
    assert (least.bounded, least.context_mib, least.context_upper_mib) == ((), 120, 120)
    assert described("a2").bounded == ("driver_mib", "context_mib")
    assert described("a2", driver_mib=300, context_mib=100).bounded == ()


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"total_mib": 153600}, "total_mib says 153600 MiB, and a t4 has 15360"),
        ({"total_mib": 40960, "driver_mib": 448}, "total_mib says 40960 MiB"),
        ({"compute_capability": 8.6}, "compute_capability says 8.6, and a t4 has 7.5"),
    ],
)
def test_a_figure_that_no_card_of_that_name_has_is_noted(figures: dict[str, Any], said: str) -> None:
    (note,) = counted(model="t4", card=figures).card_notes

    assert said in note
    assert "describe another card as gpu.model other" in note


@pytest.mark.parametrize(
    "figures",
    [{"total_mib": 15000}, {"total_mib": 16384}, {"driver_mib": 100}, {"context_mib": 90}, {"compute_capability": 7.5}],
)
def test_a_figure_that_differs_from_node_to_node_is_not(figures: dict[str, Any]) -> None:
    assert counted(model="t4", card=figures).card_notes == ()


@pytest.mark.parametrize("maker", VENDORS)
def test_a_card_without_compute_capability_is_counted_by_its_own_figures_and_told_what_does_not_apply(
    maker: str,
) -> None:
    raw = stacks.raw("t4")["models"]["qwen3-8b"]
    fit = counted(model=maker, card=MAKERS)

    assert (fit.capacity_mib, fit.card.compute_capability) == (48852, None)
    (said,) = [note for note in fit.card_notes if note.startswith(f"gpu.model {maker} has no compute capability")]
    assert "no rule refuses a quantized KV cache" in said
    quantized = stacks.raw("t4")
    quantized["gpu"] |= {"tenants": {}, "model": maker, "card": MAKERS}
    quantized["models"]["qwen3-8b"] = {**raw, "kv_type": "q8_0"}
    assert plan_fit(config.parse(quantized), stacks.locked().models, TODAY)


@pytest.mark.parametrize("maker", VENDORS)
@pytest.mark.parametrize("missing", MAKERS)
def test_a_card_of_another_maker_needs_the_figures_that_nobody_published(maker: str, missing: str) -> None:
    raw = stacks.raw("t4")
    raw["gpu"] |= {"model": maker, "card": {key: value for key, value in MAKERS.items() if key != missing}}
    with pytest.raises(ConfigError, match=rf"gpu\.card\.{missing}: got nothing\. model: {maker} needs card\.{missing}"):
        config.parse(raw)


@pytest.mark.parametrize("maker", VENDORS)
def test_a_compute_capability_of_another_maker_is_refused(maker: str) -> None:
    raw = stacks.raw("t4")
    raw["gpu"] |= {"model": maker, "card": {**MAKERS, "compute_capability": 8.6}}
    with pytest.raises(ConfigError, match=r"gpu\.card\.compute_capability: got 8\.6\. A card of model: \w+ has none"):
        config.parse(raw)


@pytest.mark.parametrize(("model", "bound"), [("t4", False), ("a2", True), ("rtx-a4000", True), ("rtx-5090", False)])
def test_the_table_of_a_card_says_whether_its_drivers_share_was_measured(model: str, bound: bool) -> None:
    assert ("that its driver keeps, a bound, not measured" in table(counted(model=model))) is bound
