"""Whatever stands at whatever key: it is accepted, or refused at once in words that a person can follow."""

import math
import re
from typing import Any

import pytest

from dev.generate import config_reference
from plan import config
from plan.base.errors import ConfigError
from tests.plan.config import every_key
from tests.plan.config.every_key import Path, at, changed, ends

HOMES = ("nfs", "local", "existing_claim")
BAD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**31, 2**63, 10**320, -(10**320), math.inf, -math.inf, math.nan, "", " ", "\n",
    "a b", "A", "-", "..", "$(X)", "\x00", "\x1b[31m", "\u202e", "\ud800", "\u0430", "1", "x" * 300, [], [None], [1],
    {}, {"": ""}, {1: 2}, {"no such": 1}, 10**18, "a/b/c", "http://u:p@h", "2026-02-30", "2099-01-01", ["a"] * 2000,
)  # fmt: skip
# What no person should be shown: a pattern, or words about the inside of the program.
JARGON = re.compile(
    r"\\w|\[\^|\[a-z|\[A-Z|\(\?|\)\*|\]\+|\]\*|[Ii]nput should|[Ss]tring should|pydantic|instance of|Value error"
)


def written() -> dict[Path, Any]:
    """What stands at each key of a configuration that has all of them."""
    return {path: at(every_key.raw(home), path) for home in HOMES for path in ends(every_key.raw(home))}


def name(path: Path) -> str:
    return ".".join(map(str, path)) or "the whole"


def refusal(path: Path, value: Any) -> str:
    home = next((part for part in path if part in HOMES), "nfs")
    try:
        config.parse(changed(every_key.raw(str(home)), path, value))
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("home", HOMES)
def test_the_configuration_with_every_key_is_valid(home: str) -> None:
    config.parse(every_key.raw(home))


def test_it_has_every_key_there_is() -> None:
    have = {re.sub(r"\.\d+", "[]", name(path)) for path in written()}
    have = {re.sub(r"^(models|gpu\.tenants)\.[\w-]+", r"\1.<name>", path) for path in have}
    have = {re.sub(r"\.variants\.[\w-]+", r".variants.<name>", path) for path in have}
    assert {key.path for key in config_reference.every_key()} - have == set()


@pytest.mark.parametrize("path", written(), ids=name)
def test_a_bad_value_is_refused_in_words(path: Path) -> None:
    for value in BAD:
        said = refusal(path, value)
        assert not JARGON.search(said), said
        assert len(said) < 3000, said[:200]
        assert not said or "local-llm:stack" in said


@pytest.mark.parametrize("path", [path for path, value in written().items() if type(value) is int], ids=name)
def test_a9_a_whole_number_has_a_largest_and_a_smallest_value(path: Path) -> None:
    for number in (10**320, -(10**320), 2**63, -(2**63) - 1):
        assert re.search(r"Write |no flag takes|No flag takes", refusal(path, number)), number


@pytest.mark.parametrize("path", [path for path, value in written().items() if type(value) is float], ids=name)
def test_c4_a_number_is_finite_and_bounded(path: Path) -> None:
    for number in (math.inf, -math.inf, math.nan, 1e308, -1e308):
        a_flag_of_any_size = path[-2:] == ("args", "temp") and math.isfinite(number)
        assert a_flag_of_any_size or refusal(path, number), number


@pytest.mark.parametrize("path", [path for path, value in written().items() if isinstance(value, str)], ids=name)
def test_c4_a_text_has_a_length(path: Path) -> None:
    for text in ("a" * 2**20, "a." * 2**19, "/" * 2**20, "1" * 40000):
        assert refusal(path, text), "it has to fit into a ConfigMap, an object, a line of a terminal"
