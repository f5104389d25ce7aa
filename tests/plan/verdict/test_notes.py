"""Notes are told once in a run, and alike ones as one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.verdict.download_rate import download_rate
from plan.verdict.notes import collapsed, marks, untold

NOTES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), max_size=6)


@given(NOTES, NOTES)
def test_what_was_told_is_not_told_again_and_everything_else_is(told: list[str], new: list[str]) -> None:
    known = {line for note in told for line in note.split("\n")}
    assert untold(told, marks(told)) == ()
    assert untold(new, marks(told)) == tuple(note for note in new if not set(note.split("\n")) <= known)
    assert untold(new, "") == tuple(new)


def test_the_marks_tell_nobody_what_was_noted() -> None:
    assert "secret" not in marks(["a secret place"])


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        (["a", "a", "b"], ["a", "b"]),
        (["x: y", "z: y"], ["x, z: y"]),
        (["x, w: y", "z: y", "z: q"], ["x, w, z: y", "z: q"]),
        (["x: y", "y"], ["y"]),
        (["Weights are read: now", "Weights are read: now"], ["Weights are read: now"]),
        ([], []),
    ],
)
def test_alike_notes_are_one(notes: list[str], said: list[str]) -> None:
    assert collapsed(notes) == said


def progress(time: str, mib_s: object, event: str = "progress") -> str:
    return f"2026-11-29T04:00:{time}Z {json.dumps({'event': event, 'mib_s': mib_s})}"


@pytest.mark.parametrize(
    ("log", "rate"),
    [
        ("", None),
        (progress("01", 40), 40),
        ("\n".join([progress("03", 60), progress("01", 20)]), 40),
        ("\n".join(progress(f"{second:02}", 10 if second > 3 else 1000) for second in range(10)), 10),
        (progress("01", 0), None),
        (progress("01", 9, event="warmed"), None),
        ("Error from server: it is gone\n\x1b[31m", None),
        (progress("01", None), None),
        ("2026-11-29T04:00:01Z [1]", None),
        ("2026-11-29T04:00:01Z {", None),
    ],
)  # fmt: skip
def test_the_last_minute_of_the_last_download_says_how_fast_it_was(log: str, rate: float | None) -> None:
    assert download_rate(log) == rate
