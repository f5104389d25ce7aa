"""Whole configurations, written after the manner of those that people publish: what is printed, and that it plans."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from plan import config
from plan.plan import make_plan
from tests import stacks
from tests.golden import there
from tests.ops.adopt.adopted import CONFIGS, GOLDENS, adopted, goldens, text_of
from tests.ops.adopt.locks import lock_of
from tests.plans import TODAY

SHARE = 0.85
# Served by something else, or from what no file tells: what no change of this program would adopt.
OF_SUBSTANCE = {
    "composed": "a compose file",
    "dictation": "writes down speech",
    "router-of-its-own": "names no model",
    "ik-only": "ik_llama.cpp",
}
LARGE: dict[str, Any] = {
    "model": "other",
    "card": {"total_mib": 2**30, "driver_mib": 0, "context_mib": 300, "compute_capability": 9.0},
}


def stack_with(models: dict[str, Any]) -> config.Stack:
    """A stack whose machine, card and volume have room for whatever there is."""
    raw = stacks.raw("t4")
    raw["volume"] = {"name": "models", "existing_claim": True}
    raw["server"] |= {"image": stacks.IMAGE, "memory_limit_mib": 65536}
    return config.parse({**raw, "gpu": {**LARGE, "node": raw["gpu"]["node"]}, "models": models})


def test_the_printed_pieces_are_the_golden_ones() -> None:
    assert there(GOLDENS) == goldens(), "run `make golden`, and read the diff"


def test_at_least_the_wanted_share_of_ids_is_written_and_the_others_are_refused_for_substance() -> None:
    ids = written = 0
    refused: dict[str, str] = {}
    for file in CONFIGS:
        found = adopted(file.read_bytes())
        print(f"{file.stem}: {len(found.drafts)} of {found.ids}, {len(found.to_fill_in)} without a repository")
        ids, written = ids + found.ids, written + len(found.drafts)
        refused |= found.refused
    print(f"{written} of {ids}: {written / ids:.0%}")

    assert len(CONFIGS) >= 10
    assert written / ids >= SHARE
    assert {swap_id: part for swap_id, part in OF_SUBSTANCE.items() if part in refused[swap_id]} == OF_SUBSTANCE
    assert refused.keys() == OF_SUBSTANCE.keys()


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_what_is_printed_is_a_stack_that_can_be_planned(file: Path) -> None:
    models = yaml.safe_load(text_of(file))["models"]
    stack = stack_with(models)

    plan = make_plan(stack, lock_of(stack.models), TODAY)

    assert {model["id"] for model in plan.contract["models"]} == {
        draft.model_id for draft in adopted(file.read_bytes()).drafts
    }


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_no_secret_of_a_configuration_is_printed(file: Path) -> None:
    content = file.read_text()

    assert "plantedSecret" not in text_of(file)
    if file.stem in ("variables", "homelab"):
        assert "plantedSecret" in content, "the check can fail"
