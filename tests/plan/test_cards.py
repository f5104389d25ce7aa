"""The GPU models that a stack may name, and the cards of which figures are known."""

from typing import get_args

import pytest

from plan import config
from plan.card.fit import plan_fit
from plan.config.gpu import Gpu
from plan.vram.cards import CARDS
from tests import stacks
from tests.plans import TODAY


def test_a_stack_may_name_every_known_card_and_no_other_model() -> None:
    models = get_args(Gpu.model_fields["model"].annotation)

    assert {*models} - {"other", "none"} == CARDS.keys(), (
        "plan/config/gpu.py and plan/vram/cards.py have to name the same"
    )


@pytest.mark.parametrize("model", CARDS)
def test_a_known_card_is_counted_with_its_own_figures(model: str) -> None:
    raw = stacks.raw("t4")
    raw["gpu"]["model"] = model

    fit = plan_fit(config.parse(raw), stacks.locked().models, TODAY)

    assert fit
    assert fit.card.name == model
    assert fit.capacity_mib == CARDS[model].capacity_mib
