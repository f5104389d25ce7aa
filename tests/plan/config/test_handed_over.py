"""The configuration as Pulumi hands it over: JSON, with dates in Go's spelling."""

import json

import pytest

from plan import config
from plan.base.errors import ConfigError, FixableError
from tests import stacks


@pytest.mark.parametrize("day", ["2099-12-31", "2099-12-31T00:00:00Z", "2099-12-31 00:00:00 +0000 UTC"])
def test_a1_a_day_in_any_spelling_of_pulumi_is_that_day(day: str) -> None:
    raw = stacks.raw("t4")
    raw["gpu"]["tenants"]["frigate"]["measured"] = {"mib": 9, "date": day}

    measured = config.load(json.dumps(raw)).gpu.tenants["frigate"].measured

    assert measured
    assert measured.date.isoformat() == "2099-12-31"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "local-llm:stack: got nothing"),
        ("hello", "local-llm:stack, line 1: this is not JSON"),
        ("", "local-llm:stack, line 1: this is not JSON"),
        ("[]", "local-llm:stack: it is a list, not an object"),
        ("5", "it is a single value, not an object"),
        ("[" * 20000, "nested more than 64 levels deep"),
        ('{"models": ' + "[" * 20000, "nested more than 64 levels deep"),
        ('{"namespace": "a", "namespace": "b"}', "the key 'namespace' is there twice"),
        ('{"models": NaN}', "NaN is not a number"),
        ('{"models": 1' + "0" * 320 + "}", "more than 64 digits"),
        ('{"models": 1e320}', "larger than any number"),
        ('{"\\u001b[1m": 1}', r"\x1b[1m"),
    ],
    ids=lambda it: repr(it)[:30],
)
def test_a2_what_is_no_configuration_is_refused_in_words(text: str | None, said: str) -> None:
    with pytest.raises((ConfigError, FixableError)) as refused:
        config.load(text)

    assert said in str(refused.value)
    assert str(refused.value).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "value",
    ["\x1b[31m", "\u202e", "\ud800", "a\nb", "x" * 10**6, "http://u:pw-secret@h"],
    ids=lambda it: ascii(it)[:30],
)
def test_a6_a_value_that_is_refused_is_shown_escaped_and_cut(value: str) -> None:
    raw = stacks.raw("t4")
    raw["volume"]["name"] = value
    raw["fetch"]["endpoint"] = value
    raw[value] = 1

    with pytest.raises(ConfigError) as refused:
        config.parse(raw)

    assert str(refused.value).replace("\n", "").isprintable()
    assert "pw-secret" not in str(refused.value)
    assert len(str(refused.value)) < 10_000
