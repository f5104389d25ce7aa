"""Manifests are read by kubectl and by people: nothing is taken for something else, and scripts stay scripts."""

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ops.render.plain_yaml import dump

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@example({"key": "a\u2028b\n", "\x85": "\u2029"})
@given(st.dictionaries(st.text(), TREES))
def test_what_is_written_is_read_back_and_the_order_of_keys_changes_nothing(tree: dict[str, Any]) -> None:
    assert yaml.safe_load(dump(tree)) == tree
    assert dump(dict(reversed(tree.items()))) == dump(tree)


@pytest.mark.parametrize(
    "text", ["1e3", "-1.5E+9", ".5e1", "0o17", "y", "N", "no", "off", "600", "true", "", "~", "1_0"]
)
def test_a_string_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert dump({"value": text}) == f"value: '{text}'\n"


@pytest.mark.parametrize("text", ["10m", "2Gi", "llama-swap", "/models", "e1aa6bb79b20", ":8080", "-config"])
def test_a_string_that_nobody_mistakes_is_left_alone(text: str) -> None:
    assert dump({"value": text}) == f"value: {text}\n"


@pytest.mark.parametrize(
    "sign", ["\u202e", "\u2066", "\u200b", "\ufeff", "\xad", "\x1b", "\x85", "\u2028", "\0", "\x9b"], ids=ascii
)
def test_a6_a_sign_that_hides_or_acts_is_written_escaped(sign: str) -> None:
    text = dump({"value": f"a{sign}b", "other": "é"})

    assert text.replace("\n", "").isprintable()
    assert yaml.safe_load(text) == {"value": f"a{sign}b", "other": "é"}


def test_whole_numbers_are_written_whole() -> None:
    assert dump({"port": 8080.0, "share": 0.5, "on": True}) == "'on': true\nport: 8080\nshare: 0.5\n"


def test_a_thing_begins_with_what_it_is_and_is_called() -> None:
    assert list(yaml.safe_load(dump({"data": 1, "metadata": 2, "kind": 3, "apiVersion": 4}))) == [
        "apiVersion",
        "kind",
        "metadata",
        "data",
    ]


def test_a_script_is_a_literal_block_and_a_long_line_stays_one() -> None:
    long = "word " * 200 + "end"
    assert dump({"a.sh": "echo 1\n\necho 2\n", "b": long}) == f"a.sh: |\n  echo 1\n\n  echo 2\nb: {long}\n"
