"""Thousands of inputs over all entry points: each is accepted, or refused in words, soon, and without a secret."""

import resource
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.corpus.case import Case, Outcome, examine
from tests.corpus.entries import (
    answers,
    commands,
    figures,
    files,
    headers,
    hub,
    places,
    programs,
    raw_headers,
    servers,
    spellings,
    stacks,
)
from tests.corpus.place import Place

ENTRIES: dict[str, Callable[[Place], Iterator[Case]]] = {
    "stacks": stacks.cases,
    "files": files.cases,
    "spellings": spellings.cases,
    "headers": headers.cases,
    "hub": hub.cases,
    "answers": answers.cases,
    "commands": commands.cases,
    "programs": programs.cases,
    "raw headers": raw_headers.cases,
    "servers": servers.cases,
    "figures": figures.cases,
    "places": places.cases,
}
MEMORY_BYTES = 700 << 20  # on top of what the process has mapped when it begins
_SHOWN = 40


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Of all tests of this module so far."""
    return []


@pytest.fixture(autouse=True)
def _limited() -> Iterator[None]:
    """An input that takes more memory ends in MemoryError, and takes the machine's from nobody."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("entry", list(ENTRIES))
def test_every_input_is_accepted_or_refused_in_words(entry: str, here: Place, outcomes: list[Outcome]) -> None:
    seen = [examine(case) for case in ENTRIES[entry](here)]

    outcomes += seen
    wrong = [str(outcome) for outcome in seen if outcome.why]
    more = f"\nand {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    assert not wrong, f"{len(wrong)} of {len(seen)}:\n" + "\n".join(wrong[:_SHOWN]) + more


def test_there_are_enough_of_them_and_the_numbers_are_shown(
    outcomes: list[Outcome], record_property: Callable[[str, object], None]
) -> None:
    ends = Counter(outcome.end for outcome in outcomes)
    slowest = max(outcomes, key=lambda outcome: outcome.cpu_s)
    took_s = sum(outcome.cpu_s for outcome in outcomes)
    record_property(
        "shown",
        f"corpus: {len(outcomes)} inputs, {ends['accepted']} accepted, {ends['refused']} refused, {took_s:.0f} s CPU; "
        f"slowest {slowest.cpu_s:.2f} s ({slowest.case.entry}, {slowest.case.name})",
    )

    assert len(outcomes) >= 2000
    assert ends["accepted"] > 200, "inputs that are all refused would try little beyond the parsers"
