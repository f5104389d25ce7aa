"""All that a person reads before an `up`, on one page: the verdict, the short diff, the notes."""

from collections.abc import Sequence

from plan.verdict.bounds import NOTES, PAGE, cut
from plan.verdict.diff.short_diff import short_diff
from plan.verdict.notes import Told, read
from plan.verdict.report import report
from plan.verdict.verdict import Verdict
from plan.verdict.words import WHOLE


def page(verdict: Verdict, said: Sequence[str], *, whole: bool = False) -> list[str]:
    """The lines; `whole` cuts nothing, and leaves the diff to Pulumi, which prints it afterwards."""
    about, notes = report(verdict, whole=whole), noted(said, whole=whole).lines
    told = ["", "Notes:", *(f"  {line}" for line in notes)] if notes else []
    diff = [] if whole else short_diff(verdict.changes)
    room = PAGE - len(about) - len(told) - 1
    return [*about, *(["", *cut(diff, room)] if diff else []), *told]


def noted(said: Sequence[str], *, whole: bool = False) -> Told:
    """What of the notes is on the page; what is cut there has yet to be told."""
    return read(said, None if whole else NOTES, WHOLE)
