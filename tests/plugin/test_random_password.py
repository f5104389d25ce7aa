"""RandomPassword of the offline plugin: what it makes, keeps, replaces and refuses."""

import string
from typing import Any

import pytest

from dev.plugin.properties import SECRET, SIGNATURE
from dev.plugin.random_password import TYPE, RandomPlugin, generate
from tests.plugin.replay import CallError, call

URN = f"urn:pulumi:dev::rec::{TYPE}::key"
PLUGIN = RandomPlugin("4.21.4")


def test_every_class_asked_for_is_there_and_none_that_is_not() -> None:
    for _ in range(50):
        made = generate({"length": 8, "special": False, "upper": False, "minNumeric": 4, "minLower": 2})
        assert len(made) == 8
        assert set(made) <= set(string.ascii_lowercase + string.digits)
        assert sum(letter.isdigit() for letter in made) >= 4
        assert sum(letter.islower() for letter in made) >= 2


def test_two_passwords_differ_and_special_characters_can_be_chosen() -> None:
    assert generate({"length": 32}) != generate({"length": 32})
    only = {"length": 20, "upper": False, "lower": False, "numeric": False, "overrideSpecial": "_-"}
    assert set(generate(only)) <= {"_", "-"}


def test_the_result_is_secret_and_a_preview_makes_none() -> None:
    made = call(PLUGIN, "Create", {"urn": URN, "properties": {"length": 12}})
    assert made["properties"]["result"][SIGNATURE] == SECRET
    assert len(made["properties"]["result"]["value"]) == 12
    preview = call(PLUGIN, "Create", {"urn": URN, "properties": {"length": 12}, "preview": True})
    assert preview == {"properties": {"length": 12}}


def test_only_changed_inputs_make_a_new_password() -> None:
    olds = {"length": 12, "keepers": {"a": "1"}}
    request: dict[str, Any] = {"urn": URN, "oldInputs": olds, "olds": {**olds, "result": "x"}}
    assert call(PLUGIN, "Diff", {**request, "news": olds})["changes"] == "DIFF_NONE"
    changed = call(PLUGIN, "Diff", {**request, "news": {**olds, "keepers": {"a": "2"}}})
    assert changed["replaces"] == ["keepers"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "length is None"),
        ({"length": 0}, "at least 1"),
        ({"length": 4, "minLower": 5}, "raise length"),
        ({"length": 4, "lower": False, "upper": False, "numeric": False, "special": False}, "leave at least one"),
    ],
)
def test_impossible_inputs_are_refused_at_preview(inputs: dict[str, Any], said: str) -> None:
    (failure,) = call(PLUGIN, "Check", {"urn": URN, "news": inputs})["failures"]
    assert said in failure["reason"]


def test_other_types_of_the_random_provider_are_refused_by_name() -> None:
    with pytest.raises(CallError, match="serves random:index/randomPassword:RandomPassword only"):
        call(PLUGIN, "Check", {"urn": "urn:pulumi:dev::rec::random:index/randomPet:RandomPet::pet"})
