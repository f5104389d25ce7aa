"""Figures of llama.cpp's allocator in the lock: how they are written, and which of them none can have said."""

from typing import Any

import pytest

from plan.base.errors import ConfigError
from plan.models import lock
from plan.models.allocator.figures import Allocator
from tests import stacks
from tests.plan.models.entries import UPDATE, entry, found, refusal, with_entry

ROW: dict[str, Any] = {"kv_type": "f16", "ubatch": 512, "points": [[512, 1000], [768, 1500]]}
FIGURES: dict[str, Any] = {
    "build": 11312,
    "weights_mib": 4455,
    "state_bytes": 7,
    "caches": [{"cell_elements": 73728}, {"window": 1024, "cell_elements": 64}],
    "compute": [ROW, {**ROW, "kv_type": "q8_0", "parallel": 4, "embeds": True}],
}


def with_figures(**changed: Any) -> lock.LockedModel:
    model = entry()
    figures = Allocator.model_validate({**FIGURES, **changed})
    return model.model_copy(update={"gguf": model.gguf.model_copy(update={"allocator": figures})})


def test_each_way_to_serve_is_a_line_of_the_lock_that_a_reviewer_can_read() -> None:
    written = lock.dump(with_entry("qwen3-8b", with_figures()))

    assert (
        """
      allocator:
        build: 11312
        weights_mib: 4455
        state_bytes: 7
        caches:
          - {cell_elements: 73728}
          - {window: 1024, cell_elements: 64}
        compute:
          - {kv_type: f16, ubatch: 512, points: [[512, 1000], [768, 1500]]}
          - {kv_type: q8_0, ubatch: 512, parallel: 4, embeds: true, points: [[512, 1000], [768, 1500]]}
"""
        in written
    )
    assert lock.load(written).models["qwen3-8b"] == with_figures()


def test_a_lock_without_figures_is_written_as_before() -> None:
    assert "allocator" not in lock.dump(stacks.locked())


def test_figures_that_can_be_are_no_fault() -> None:
    assert found(with_figures()) == {}
    assert found(with_figures(caches=[], state_bytes=0)) == {}, "a model may have no cache, and no state"


ODD = {
    "one way to serve twice": ({"compute": [ROW, ROW]}, "compute.1", "Another row has the same kv_type"),
    "points that go back": (
        {"compute": [{**ROW, "points": [[768, 1], [512, 2]]}]}, "compute.0.points", "more cells than the one before",
    ),
    "a point twice": (
        {"compute": [{**ROW, "points": [[512, 1], [512, 2]]}]}, "compute.0.points", "more cells than the one before",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "key", "rule"), ODD.values(), ids=ODD)
def test_what_no_allocator_says_is_refused_with_its_place(changed: dict[str, Any], key: str, rule: str) -> None:
    odd = with_figures(**changed)

    assert rule in found(odd)[f"gguf.allocator.{key}"]
    said = refusal(stacks.raw("t4"), with_entry("qwen3-8b", odd))
    assert f"models.lock.yaml.models.qwen3-8b.gguf.allocator.{key}: got " in said
    assert UPDATE.format("qwen3-8b") in said


WRONG = {
    "no row": ("compute: []", "gguf.allocator.compute"),
    "another type of cache": ("compute: [{kv_type: q5_1, ubatch: 512, points: [[1, 2]]}]", "compute.0.kv_type"),
    "a point of three": ("compute: [{kv_type: f16, ubatch: 512, points: [[1, 2, 3]]}]", "compute.0.points.0"),
    "a text for a number": ("compute: [{kv_type: f16, ubatch: 512, points: [[1, '2']]}]", "compute.0.points.0.1"),
    "no points": ("compute: [{kv_type: f16, ubatch: 512, points: []}]", "compute.0.points"),
    "more slots than there are": (
        "compute: [{kv_type: f16, ubatch: 512, parallel: 999, points: [[1, 2]]}]",
        "parallel",
    ),
}


@pytest.mark.parametrize(("rows", "key"), WRONG.values(), ids=WRONG)
def test_what_is_no_table_is_refused_with_the_command_that_mends_it(rows: str, key: str) -> None:
    head, _, _ = lock.dump(with_entry("qwen3-8b", with_figures())).partition("        compute:\n")

    with pytest.raises(ConfigError, match=r"lock --update qwen3-8b") as caught:
        lock.load(f"{head}        {rows}\n")
    assert key in str(caught.value)
