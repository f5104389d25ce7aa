"""Previews as no version of Pulumi should print them: refused in words, or judged, and never a failure."""

import copy
import functools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plan.plan import Plan
from plan.text.errors import TextError
from plan.verdict import preview, shown
from plan.verdict.measured import measured
from plan.verdict.verdict import judge
from tests.plan.verdict.prepared import CHANGES, changed
from tests.plan.verdict.steps import raw

PLANTED = "plantedSecret"
TWICE = [{"name": "a"}, {"name": "a"}]
ODD: list[Any] = [
    *(None, True, 0, -1, 10**30, 1.5, "", "x", "x" * 5000, "\x1b[31m\n"),
    *("{", '["', "{}", "a: b: c", "/x --a '", "$$", [], {}, [None], [[]], [{}], ["--a"], ["x --y z", "x --y z"]),
    *([{"name": None}], TWICE, {"": {}}, {"name": []}, {"metadata": None}),
    {"metadata": {"name": 5, "annotations": []}},
    {"api-key": PLANTED, "deep": [{"token": PLANTED}]},
]


@functools.cache
def kept(name: str) -> tuple[Any, Plan, list[tuple[Any, ...]]]:
    digest = raw(name)
    return digest, changed(name).plan(), list(places(digest))


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """The way to every value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield (*path, key)
        yield from places(entry, (*path, key))


@example("prune-mode", [(416, "\x1b[31m\n")])  # an operation that the page did not escape
@given(st.sampled_from([*CHANGES]), st.lists(st.tuples(st.integers(0), st.sampled_from(ODD)), min_size=1, max_size=3))
def test_an_odd_value_anywhere_is_refused_in_words_or_told(name: str, edits: list[tuple[int, Any]]) -> None:
    digest, plan, known = kept(name)
    digest = copy.deepcopy(digest)
    for number, odd in edits:
        *way, last = known[number % len(known)]
        try:
            functools.reduce(lambda at, key: at[key], way, digest)[last] = copy.deepcopy(odd)
        except (KeyError, IndexError, TypeError):
            continue  # an edit before it took that place away
    try:
        seen = preview.parse(json.dumps(digest))
    except TextError:
        return
    page = shown.page(judge(seen, plan), seen.said("info", "warning"))
    assert page
    assert len(page) <= 56
    assert all(line.isprintable() for line in page)
    assert PLANTED not in "\n".join(page)


@pytest.mark.parametrize("name", CHANGES)
def test_a_verdict_is_the_same_for_the_same_preview(name: str) -> None:
    digest, plan, _ = kept(name)
    one, other = (judge(preview.parse(json.dumps(digest)), plan) for _ in range(2))
    assert one == other


@given(st.text())
def test_any_log_is_read_or_passed_over(log: str) -> None:
    assert measured(log) == measured(log)
