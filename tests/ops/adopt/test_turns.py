"""Who takes turns with whom: groups, the matrix and what is loaded at the start."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.adopt.llama_swap import matrix
from ops.adopt.turns import Turns, turns

IDLE = {"a": 0, "b": 0, "c": 60, "d": 60}


def of(idle: dict[str, int] | None = None, **rest: Any) -> Turns:
    return turns(rest, idle or IDLE, {"by-another-name": "a"})


def group(*members: str, **keys: Any) -> dict[str, Any]:
    return {"members": list(members), **keys}


@pytest.mark.parametrize(
    ("groups", "keys"),
    [
        ({}, {}),
        ({"g": group("a", "b")}, {}),
        ({"g": group("a", "b"), "h": group("c", "d", swap=True, exclusive=True)}, {}),
        ({"g": group("a", "b", exclusive=False)}, {"a": {"swap_group": "g"}, "b": {"swap_group": "g"}}),
        ({"g": group("a", persistent=True)}, {"a": {"swap_group": "g"}}),
        ({"g": group("a", "c", swap=False)}, {"a": {"swap_group": "a"}, "c": {"swap_group": "c"}}),
        ({"g": group("a", "c", swap=False, persistent=True)}, {"a": {"resident": True}, "c": {"swap_group": "c"}}),
        ({"Big GPU!": group("a", exclusive=False)}, {"a": {"swap_group": "big-gpu-a211c0"}}),
        ({"gpu0": group("a", exclusive=False)}, {"a": {"swap_group": "gpu0-group"}}),
        ({"resident": group("a", exclusive=False)}, {"a": {"swap_group": "resident-group"}}),
        (
            {"c": group("a", "b", persistent=True), "h": group("c", swap=False)},
            {"a": {"swap_group": "c-group"}, "b": {"swap_group": "c-group"}, "c": {"swap_group": "c"}},
        ),
    ],
)
def test_a_group_is_a_swap_group_or_residents(groups: dict[str, Any], keys: dict[str, Any]) -> None:
    for rest in ({"groups": groups}, {"routing": {"router": {"use": "group", "settings": {"groups": groups}}}}):
        assert of(**rest).keys == keys


def test_a_group_that_others_unloaded_says_that_the_card_needs_room() -> None:
    assert "the card needs room" in of(groups={"g": group("a", exclusive=False)}).left[0]
    assert of(groups={"g": group("a", persistent=True)}).left == []
    assert of(groups={"g": group("a")}).left == []


def test_what_is_loaded_at_the_start_stays_where_nothing_unloads_it() -> None:
    hooks = {"on_startup": {"preload": ["a", "b"]}}
    found = of(groups={"g": group("a", swap=False)}, hooks=hooks)

    assert found.keys == {"a": {"resident": True}}
    assert (
        [line for line in found.left if "preload" in line] == [line for line in found.left if "preload b" in line] != []
    )


def test_what_is_loaded_at_the_start_may_be_called_by_an_alias() -> None:
    found = of(groups={"g": group("a", swap=False)}, hooks={"on_startup": {"preload": [" by-another-name ", "a"]}})

    assert found.keys == {"a": {"resident": True}}
    assert not any("preload" in line for line in found.left)


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ({"groups": 5}, "groups 5: it is a mapping"),
        ({"groups": {"g": 5}}, "group g 5: it is a mapping"),
        ({"groups": {"g": {"members": "a"}}}, "group g 'a': it is a list of ids"),
        ({"groups": {"g": group("a", simultaneous=True)}}, "group g, simultaneous: llama-swap v250 has no such key"),
        ({"groups": {"g": group("a", "zz")}}, "group g: there is no model zz"),
        ({"hooks": {"on_startup": {"preload": "a"}}}, "preload 'a': it is a list of ids"),
        ({"hooks": {"on_shutdown": {}}}, "hooks, on_shutdown: llama-swap v250 has no such key"),
        ({"routing": {"scheduler": {"use": "fifo"}}}, "routing.scheduler {'use': 'fifo'}: requests are served"),
        ({"groups": {"g": group("a")}, "matrix": {"sets": {"s": "a"}}}, "here the groups"),
        ({"matrix": {"sets": {"s": "a & zz"}}}, "matrix: zz is no model, so all models take turns"),
        ({"matrix": {"sets": {"s": "a &"}}}, "a model is missing in it"),
        ({"matrix": {"sets": {"s": "(a"}}}, "a bracket is never closed"),
        ({"matrix": {"sets": {"s": "a )"}}}, ") has no place there"),
        ({"matrix": {"sets": {"s": "+t", "t": "+s"}}}, "is within itself"),
        ({"matrix": {"sets": {"s": "(" * 99}}}, "a model is missing in it"),
        ({"matrix": {"sets": {"s": "a"}, "evict_costs": {"a": 3}}}, "matrix evict_costs: a model is unloaded"),
    ],
)
def test_what_has_the_wrong_form_or_no_counterpart_has_a_line(rest: dict[str, Any], said: str) -> None:
    assert any(said in line for line in of(**rest).left)


@pytest.mark.parametrize(
    ("sets", "groups"),
    [
        ({"s": "(a | b) & c"}, [["a", "b"], ["c"]]),
        ({"s": "(a | b) & (c | d)"}, [["a", "b"], ["c", "d"]]),
        ({"s": "a & b & c & d"}, [["a"], ["b"], ["c"], ["d"]]),
        ({"llm": "a | b", "s": "+llm & c & d"}, [["a", "b"], ["c"], ["d"]]),
        ({"s": "x & c | b & c"}, [["a", "b"], ["c"]]),
        ({"s": "a | b | c | d"}, [["a", "b", "c", "d"]]),
        ({"s": "a & b", "t": "b & c", "u": "a & c"}, [["a", "b", "c"]]),  # in pairs, and never all three
        ({"s": "a & b"}, [["a", "b", "c"]]),  # c is alone whenever it is loaded
        ({"s": "&".join(["(a|b|c)"] * 9)}, [["a"], ["b"], ["c"]]),
    ],
)
def test_a_matrix_is_groups_of_which_one_each_may_be_loaded(sets: dict[str, str], groups: list[list[str]]) -> None:
    ids = {model_id for members in groups for model_id in members}

    assert matrix.groups(sets, {"x": "a"}, ids) == groups


def test_a_matrix_with_more_choices_than_anybody_means_is_told() -> None:
    ids = [f"m{number}" for number in range(60)]
    pairs = " & ".join(f"({one} | {two})" for one, two in zip(ids[::2], ids[1::2], strict=True))

    found = turns({"matrix": {"sets": {"s": pairs}}}, dict.fromkeys(ids, 0), {})

    assert found.keys == {}
    assert found.left == ["matrix: it has more than 1024 choices, so all models take turns"]


expressions = st.recursive(
    st.sampled_from("abcdef"),
    lambda inner: st.tuples(inner, st.sampled_from("&|"), inner).map(lambda it: f"({it[0]} {it[1]} {it[2]})"),
    max_leaves=12,
)


def allowed(text: str) -> set[frozenset[str]]:
    """The sets of an expression, by Python's own reading of it: & binds closer than |, as in llama-swap."""

    class Sets(set[frozenset[str]]):
        def __and__(self, other: Any) -> "Sets":
            return Sets(a | b for a in self for b in other)

        def __or__(self, other: Any) -> "Sets":
            return Sets(set.__or__(self, other))

    names = {name: Sets({frozenset({name})}) for name in "abcdef"}
    return eval(text, {"__builtins__": {}}, names)  # noqa: S307 - an expression of six letters


@given(st.dictionaries(st.sampled_from("STU"), expressions, min_size=1))
def test_whatever_the_groups_of_a_matrix_have_loaded_is_allowed_by_it(sets: dict[str, str]) -> None:
    found = matrix.groups(sets, {}, "abcdef")
    may = {one for text in sets.values() for one in allowed(text)}

    assert sorted(model_id for group in found for model_id in group) == list("abcdef")
    if len(found) > 1:
        for number in range(8):
            pick = {group[number % len(group)] for group in found}
            assert any(pick <= whole for whole in may)
