"""All that a person reads before an `up`, on one page: the verdict, the short diff, the notes."""

from collections.abc import Sequence

from plan.verdict.diff.short_diff import short_diff
from plan.verdict.notes import Told, read
from plan.verdict.report import report
from plan.verdict.verdict import Verdict
from plan.verdict.words import WHOLE

_PAGE = 56  # lines; with what a command says around it, less than 60
_NOTES = 12


def page(verdict: Verdict, said: Sequence[str], *, whole: bool = False) -> list[str]:
    """The lines; `whole` cuts nothing, and leaves the diff to Pulumi, which prints it afterwards."""
    about, notes = report(verdict), noted(said, whole=whole).lines
    told = ["", "Notes:", *(f"  {line}" for line in notes)] if notes else []
    diff = [] if whole else short_diff(verdict.changes)
    room = _PAGE - len(about) - len(told) - 1
    return [*about, *(["", *_cut(diff, room)] if diff else []), *told]


def noted(said: Sequence[str], *, whole: bool = False) -> Told:
    """What of the notes is on the page; what is cut there has yet to be told."""
    return read(said, None if whole else _NOTES, WHOLE)


def _cut(text: Sequence[str], most: int) -> list[str]:
    return [*text] if len(text) <= most else [*text[: most - 1], f"and {len(text) - most + 1} more lines; {WHOLE}"]
