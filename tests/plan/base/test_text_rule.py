"""A text rule speaks to people in words and to editors by a pattern."""

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from plan.base.text_rule import TextRule


def _not_dots(text: str) -> None:
    if set(text) == {"."}:
        raise ValueError("a name is not made of dots alone")


NAME = TypeAdapter(Annotated[str, TextRule(r"[\w.]+", "a name has letters, digits, '.' and '_'", 8, _not_dots)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a name has letters"),
        ("a b", "a name has letters"),
        ("a\n", "a name has letters"),
        ("\u0430bc", "a name has letters"),  # Cyrillic
        ("a" * 9, "9 characters long, and 8 are the most"),
        ("..", "not made of dots"),
    ],
)
def test_what_breaks_the_rule_is_told_the_rule_and_no_pattern(text: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NAME.validate_python(text)

    assert said in str(caught.value)
    assert "[\\w" not in caught.value.errors()[0]["msg"]


def test_what_follows_the_rule_stays_as_it_is() -> None:
    assert NAME.validate_python("a.b_C1") == "a.b_C1"


def test_editors_get_the_pattern() -> None:
    assert NAME.json_schema() == {"type": "string", "maxLength": 8, "pattern": r"^[\w.]+$"}
