"""A template that thinks whatever a request says is a note where the stack says that it does not."""

from typing import Any

import pytest

from tests import stacks
from tests.plan.models.entries import with_entry, with_facts
from tests.plans import made

ID = "qwen3-8b"


def notes(keys: dict[str, Any], thinks: bool | None = True, pooling: int | None = None) -> list[str]:
    raw = stacks.raw("t4")
    raw["models"][ID] |= keys
    shape = {"chat_template": True, "chat_template_thinks": thinks, "pooling_type": pooling}
    plan = made(raw, with_entry(ID, with_facts(shape=shape)))
    return [note for note in plan.notes if "thought" in note]


def test_it_is_told_with_the_two_ways_out() -> None:
    (note,) = notes({})

    assert note.startswith("qwen3-8b: the chat template of its file begins each answer with a thought")
    assert notes({"args": {"reasoning-budget": 1024}}) == []
    assert notes({"args": {"chat-template": "chatml"}}) == []


@pytest.mark.parametrize(
    ("keys", "thinks"),
    [
        ({}, False),
        ({}, None),
        ({"reasoning": "on", "args": {"reasoning-budget": 1024}}, True),
        ({"reasoning": "auto", "args": {"reasoning-budget": 1024}}, True),
        ({"args": {"reasoning-budget": 0}}, True),
    ],
)
def test_nothing_is_said_of_a_model_that_thinks_as_its_stack_says(keys: dict[str, Any], thinks: bool | None) -> None:
    assert notes(keys, thinks) == []


def test_nor_of_one_that_does_not_chat() -> None:
    assert notes({"context": 512}, pooling=3) == []
