"""JSON from outside, by the same table of cases as the pods' reader."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.text.errors import Source, TextError
from plan.text.json_reader import read_json
from tests.pods.json_cases import READ, REFUSED
from tests.pods.test_json_text import VALUES

SOURCE = Source("http://hub.example", "try again")
LARGE = "[" + ",".join(['{"a": [1, "b"]}'] * 20000) + "]"


@pytest.mark.parametrize("case", READ)
def test_a7_what_is_json_is_read(case: str) -> None:
    content, value = READ[case]

    assert value is None or read_json(content, SOURCE) == value


@pytest.mark.parametrize("case", REFUSED)
def test_a7_what_is_not_is_refused_with_who_answered_and_the_next_step(case: str) -> None:
    content, said = REFUSED[case]

    with pytest.raises(TextError) as refused:
        read_json(content, SOURCE)

    assert all(words in refused.value.what for words in said)
    assert refused.value.what.startswith("http://hub.example")
    assert refused.value.fix == "try again"
    assert len(str(refused.value)) < 300
    assert str(refused.value).replace("\n", "").isprintable()


@given(st.dictionaries(st.text(), VALUES))
def test_whatever_json_writes_is_read_back(value: dict[str, Any]) -> None:
    assert read_json(json.dumps(value), SOURCE) == value


def test_a_list_is_read_where_one_is_asked_for() -> None:
    assert read_json(LARGE, SOURCE, list) == json.loads(LARGE)
