"""Notes are told once in a run, and alike ones as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
