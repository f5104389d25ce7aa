"""All that a person reads before an `up`, on one page: the verdict, the short diff, the notes."""

from collections.abc import Sequence

from plan.text.show import lines
from plan.verdict.diff.short_diff import short_diff
from plan.verdict.notes import collapsed
from plan.verdict.report import report
from plan.verdict.verdict import Verdict

WHOLE = "DIFF=1 shows all"
_PAGE = 56  # lines; with what a command says around it, less than 60
_NOTES = 12


def page(verdict: Verdict, said: Sequence[str], *, whole: bool = False) -> list[str]:
    """The lines; `whole` leaves the diff to Pulumi, which prints it afterwards."""
    notes = _cut(collapsed(line for it in said for line in lines(it).split("\n")), _NOTES)
    about = report(verdict)
    told = ["", "Notes:", *(f"  {line}" for line in notes)] if notes else []
    diff = [] if whole else short_diff(verdict.changes)
    room = _PAGE - len(about) - len(told) - 1
    return [*about, *(["", *_cut(diff, room)] if diff else []), *told]


def _cut(text: Sequence[str], most: int) -> list[str]:
    return [*text] if len(text) <= most else [*text[: most - 1], f"and {len(text) - most + 1} more lines; {WHOLE}"]
