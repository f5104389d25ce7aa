"""Counts of an extended resource: written as the API server writes them, read back in whatever spelling."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.plugin.diff.quantity import canonical
from plan.kubernetes.quantity import count_quantity, whole

SUFFIXES = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": 1, "k": 1000, "M": 10**6}
SUFFIXES |= {"G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "e3": 1000, "E-2": Fraction(1, 100)}


@given(st.integers(0, 10**18 - 1))
def test_a_count_is_spelled_as_the_api_server_spells_it_and_read_back(count: int) -> None:
    text = count_quantity(count)

    assert text == canonical(str(count)), "another spelling would be a difference at every preview"
    assert whole(text) == count


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (7100, "7100"), (5000, "5k"), (14000, "14k"), (10**6, "1M")])
def test_whole_thousands_are_shortened_and_nothing_else(count: int, text: str) -> None:
    assert count_quantity(count) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [("7100", 7100), ("7.1k", 7100), ("7100000m", 7100), ("7Ki", 7168), ("7.5Ki", 7680), ("+5k", 5000), ("1e4", 10000)],
)
def test_every_spelling_of_a_whole_number_is_understood(text: str, count: int) -> None:
    assert whole(text) == count


@given(st.integers(0, 10**12), st.integers(0, 12), st.sampled_from(sorted(SUFFIXES)))
def test_what_is_read_is_exactly_the_number_or_refused_because_it_is_none(digits: int, point: int, suffix: str) -> None:
    value = Fraction(digits, 10**point) * SUFFIXES[suffix]
    padded = str(digits).zfill(point + 1)
    text = f"{padded[:-point]}.{padded[-point:]}{suffix}" if point else f"{digits}{suffix}"

    if value.denominator == 1:
        assert whole(text) == value
    else:
        with pytest.raises(ValueError, match="not a whole number"):
            whole(text)


@pytest.mark.parametrize("text", ["", "k", "-1", "1 k", "7100MiB", "1e", "1.2.3", "0x10", "inf", "1K", "\u0661"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        whole(text)
