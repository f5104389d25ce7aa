"""Notes are told once in a run, and alike ones as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.verdict.notes import collapsed, marks, read, untold

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
        (
            ["GPU: x\n  next: `make up`", "Other: y\n  next: `make up`"],
            ["GPU: x\n  next: `make up`", "Other: y\n  next: `make up`"],
        ),
        (["a: x\n  next: y", "b: x\n  next: y", "a: x\n  next: y"], ["a: x\n  next: y", "b: x\n  next: y"]),
        ([], []),
    ],
)
def test_alike_notes_are_one(notes: list[str], said: list[str]) -> None:
    assert collapsed(notes) == said


NEXT = "  next: `make up`"


@pytest.mark.parametrize("most", [None, 12])
@pytest.mark.parametrize("joined", [True, False])
def test_a_note_keeps_the_lines_that_another_has_too(most: int | None, joined: bool) -> None:
    said = [f"GPU: x\n{NEXT}", f"Other: y\n{NEXT}"]
    told = read(["\n".join(said)] if joined else said, most, "more")
    assert told.lines == ("GPU: x", NEXT, "Other: y", NEXT)
    assert told.notes == tuple(said)


@given(NOTES, st.integers(2, 20))
def test_what_is_cut_is_counted_and_not_taken_for_told(said: list[str], most: int) -> None:
    every, told = read(said, None, "more"), read(said, most, "more")
    assert len(told.lines) <= most
    assert untold(said, marks(every.notes)) == ()
    if told.lines == every.lines:
        assert told.notes == every.notes
    else:
        assert told.lines[:-1] == every.lines[: len(told.lines) - 1]
        assert told.lines[-1] == f"and {len(every.lines) - len(told.lines) + 1} more lines; more"
        assert len(told.notes) < len(every.notes)


def test_a_note_of_which_only_the_beginning_is_shown_is_told_again() -> None:
    said = ["first", f"GPU: x\n  why\n{NEXT}"]
    told = read(said, 3, "more")
    assert told.lines == ("first", "GPU: x", "and 2 more lines; more")
    assert untold(said, marks(told.notes)) == (said[1],)
