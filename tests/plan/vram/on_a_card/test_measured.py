"""The estimate against a real card: what llama-server took of it, for models of every kind and many ways to serve."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from plan.catalogue.cards import CARDS
from plan.models.gguf_facts import GgufFacts
from plan.vram.estimate import Breakdown, Serving, estimate

MEASURED = yaml.safe_load(Path(__file__).with_name("h200.yaml").read_text())
CASES: dict[str, dict[str, Any]] = MEASURED["cases"]
CARD = CARDS[MEASURED["card"]]
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def told(case: dict[str, Any]) -> Breakdown:
    facts = GgufFacts.model_validate(MEASURED["models"][case["model"]], strict=False)
    sizes = {"model": 1, **({"mmproj": 1} if facts.projector else {})}
    return estimate(facts, sizes, Serving(build=11312, **case["how"]), CARD)


@EVERY
def test_no_process_took_more_than_its_upper_bound_and_none_much_less(case: dict[str, Any]) -> None:
    ours = told(case)

    assert case["asked"] <= ours.upper_mib, "a card that is promised too little ends in an out-of-memory at a request"
    assert ours.upper_mib <= 1.025 * case["asked"] + 8, "memory promised for nothing"


@EVERY
def test_what_is_usual_is_within_half_a_percent(case: dict[str, Any]) -> None:
    assert told(case).total_mib == pytest.approx(case["asked"], rel=0.005, abs=18)


@EVERY
def test_weights_caches_and_state_are_those_of_the_log(case: dict[str, Any]) -> None:
    ours = told(case)

    assert ours.weights_mib == pytest.approx(case["weights"], abs=0.1)
    assert ours.kv_mib + ours.state_mib == pytest.approx(case["kept"], abs=0.02)


@EVERY
def test_compute_buffers_are_those_of_the_log_or_little_more(case: dict[str, Any]) -> None:
    ours, logged = told(case), case["compute"]
    experts = (
        33.6 if case["model"] == "qwen3-30b-a3b" and "kv_type" in case["how"] else 0.02
    )  # in the upper bound alone

    for mib, said in zip((ours.compute_mib, ours.mmproj_compute_mib), logged, strict=False):
        assert said - experts <= mib <= 1.08 * said + 1


def test_the_memory_before_a_model_is_a_part_of_the_card_s_context() -> None:
    beside = [
        case["loaded"] - case["weights"] - case["kept"] - sum(case["compute"])
        for case in CASES.values()
        if len(case["compute"]) == 1
    ]

    assert MEASURED["context"] < min(beside)
    assert max(beside) <= CARD.context_mib, "what comes on top of it comes with the first requests"
