"""What is planned from figures of llama.cpp's allocator, where formulas count, and what is said where they differ."""

from typing import Any

import pytest

from plan.catalogue.cards import CARDS
from plan.models.allocator.figures import Allocator
from plan.models.gguf_facts import GgufFacts
from plan.vram.estimate import Serving, VramError, estimate
from tests.plan.vram.test_vram import LENGTHS, facts, taken

MIB = 2**20
# As the allocator of b11312 says it of Qwen3 8B with these weights: 4455 MiB, 36 layers, 8 heads of 128.
POINTS = [[512, 101203312], [768, 101465456], [40704, 142359920], [40960, 142622064]]
ROW: dict[str, Any] = {"kv_type": "f16", "ubatch": 512, "points": POINTS}
FIGURES: dict[str, Any] = {
    "build": 10524,
    "weights_mib": 4455,
    "caches": [{"cell_elements": 36 * 2 * 8 * 128}],
    "compute": [ROW],
}


def with_figures(architecture: str = "qwen3", shape: dict[str, Any] | None = None, **changed: Any) -> GgufFacts:
    figures = Allocator.model_validate({**FIGURES, **changed})
    return facts(architecture, **(shape or {})).model_copy(update={"allocator": figures})


def test_figures_count_and_say_so() -> None:
    found = taken(with_figures(), 16384)

    assert (found.kv_mib, found.state_mib, found.source) == (2304, 0, "allocator")
    assert found.compute_mib == pytest.approx((101203312 + 1024 * (16384 - 512)) / MIB)
    assert found.notes == ()


def test_an_architecture_without_a_formula_is_planned_from_its_figures() -> None:
    with pytest.raises(VramError, match="architecture granola is not known"):
        taken(facts("granola"), 16384)

    assert taken(with_figures("granola"), 16384) == taken(with_figures(), 16384)


def test_a_cache_of_windows_a_state_and_slots_are_counted() -> None:
    caches = [{"cell_elements": 1024}, {"window": 1000, "cell_elements": 64}]
    row = {**ROW, "kv_type": "q8_0", "parallel": 3}
    found = taken(
        with_figures("granola", caches=caches, state_bytes=MIB, compute=[row]), 30000, parallel=3, kv_type="q8_0"
    )

    whole, window = 10240, 1536  # 30208 / 3 padded; 1000 and the 512 computed at once, padded
    assert found.kv_mib * MIB == 3 * (1024 * whole + 64 * window) * 34 / 32
    assert found.state_mib == 3


def test_a_short_context_has_no_longer_window() -> None:
    found = taken(with_figures("granola", caches=[{"window": 4096, "cell_elements": 64}]), 300)

    assert found.kv_mib * MIB == 512 * 64 * 2


SLOTS = [(1, 8192), (4, 2048), (7, 1280)]


@pytest.mark.parametrize(("parallel", "cells"), SLOTS)
def test_slots_share_a_ubatch_so_each_takes_what_one_of_its_cells_takes(parallel: int, cells: int) -> None:
    alone = taken(with_figures("granola"), cells)
    together = taken(with_figures("granola"), 8192, parallel=parallel)

    logits = 4 * (parallel - 1) * LENGTHS["vocab_size"] / MIB
    rounded = -(-512 // parallel) * parallel / 512  # to as many tokens of each
    assert together.compute_mib == pytest.approx(alone.compute_mib * rounded + logits, abs=1e-5)


@pytest.mark.parametrize(
    ("how", "figures"),
    [
        ({"parallel": 2}, {"state_bytes": 7}),
        ({"parallel": 2, "kv_type": "q8_0"}, {"compute": [{**ROW, "kv_type": "q8_0"}]}),
        ({"kv_type": "q4_0"}, {}),
        ({"ubatch": 1024}, {}),
        ({"embeds": True}, {}),
    ],
)
def test_a_way_to_serve_without_its_row_is_the_formulas_or_names_what_was_not_asked(
    how: dict[str, Any], figures: dict[str, Any]
) -> None:
    by_formula, fallen_back = taken(facts(), **how), taken(with_figures(**figures), **how)
    assert fallen_back.upper_mib == by_formula.upper_mib
    assert fallen_back.notes[-1].startswith("llama.cpp's allocator was not asked about kv_type ")
    assert fallen_back.notes[-1].endswith("its formula counts")

    with pytest.raises(
        VramError, match=r"was not asked about kv_type .* slots?, ubatch \d+.* architecture granola is not"
    ):
        taken(with_figures("granola", **figures), **how)


def test_rows_of_the_experts_may_come_on_top_in_the_upper_bound() -> None:
    experts = {"expert_count": 128, "expert_used_count": 8, "expert_feed_forward_length": 768}
    dense, found = taken(with_figures("granola")), taken(with_figures("granola", experts))

    router_mib = found.context_mib - dense.context_mib
    assert found.upper_mib - dense.upper_mib == router_mib + 4 * 8 * LENGTHS["embedding_length"] * 512 / MIB
    assert found.total_mib - dense.total_mib == router_mib


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"caches": [{"cell_elements": 36 * 2 * 8 * 128 + 64}]},
            "its cache is 1153.00 MiB by llama.cpp's allocator and 1152.00",
        ),
        ({"state_bytes": MIB}, "its state is 1.00 MiB by llama.cpp's allocator and 0.00 by the formula"),
        (
            {"compute": [{**ROW, "points": [[512, 80 * MIB]]}]},
            "its compute buffer is 80.00 MiB by llama.cpp's allocator and 104",
        ),
        (
            {"compute": [{**ROW, "points": [[512, 120 * MIB]]}]},
            "its compute buffer is 120.00 MiB by llama.cpp's allocator and 104",
        ),
    ],
)
def test_where_both_are_known_what_differs_is_a_note_with_both_figures(changed: dict[str, Any], said: str) -> None:
    (note,) = taken(with_figures(**changed)).notes

    assert note.startswith(said)
    assert note.endswith("the allocator's counts")


@pytest.mark.parametrize(
    ("weights_mib", "held"), [(4400, 4455), (4454, 4455), (4455, 4455), (4456, 4457), (4500, 4501)]
)
def test_of_two_sums_of_weights_the_larger_counts_and_both_are_named(weights_mib: int, held: int) -> None:
    found = taken(with_figures(weights_mib=weights_mib))

    assert int(found.weights_mib) == held
    named = f"its weights are {weights_mib} MiB by llama.cpp's allocator and 4455 by its facts: the larger counts"
    assert found.notes == (() if weights_mib == 4455 else (named,))


def test_another_build_of_the_image_is_a_note_and_none_is_one_too() -> None:
    assert taken(with_figures(), build=10525).notes == (
        "the image has b10525: caches and compute buffers are those of b10524, by its own allocator",
    )
    assert "the engine's build is not known: caches and" in taken(with_figures(), build=None).notes[0]


def test_a_build_that_reserves_logits_of_a_whole_ubatch_takes_at_least_these() -> None:
    wide = LENGTHS["vocab_size"] + LENGTHS["embedding_length"]

    assert taken(with_figures(), build=9000).compute_mib == 4 * 512 * wide / MIB


def test_a_projector_and_a_card_come_on_top_as_ever() -> None:
    sizes = {"model": 5_000_000_000}
    t4, other = (
        estimate(with_figures(), sizes, Serving(8192, build=10524), CARDS[card]) for card in ("t4", "rtx-3070")
    )
    assert other.context_mib - t4.context_mib == CARDS["rtx-3070"].context_mib - CARDS["t4"].context_mib
