"""What a person sees of an adoption: a table of the ids and what became of each, or JSON for a program."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from ops.adopt.adoption import Adoption
from ops.adopt.text import counted
from ops.base.terminal import row, whole
from plan.text.show import LINE, plain


def table(adoption: Adoption) -> Table:
    """A row for each id of llama-swap's file."""
    shown = whole("id", "", "why")
    for swap_id, state, why in sorted(_states(adoption)):
        row(shown, swap_id, state, why)
    return shown


def summary(adoption: Adoption) -> str:
    return counted(adoption)


def as_json(adoption: Adoption) -> dict[str, Any]:
    """Every id with its state and reason, the models as a stack file has them, and all that is left out."""
    models = {draft.model_id: draft for draft in adoption.drafts}
    return {
        "ids": {swap_id: {"state": state, "why": why} for swap_id, state, why in sorted(_states(adoption))},
        "models": {model_id: draft.keys for model_id, draft in models.items()},
        "not_carried_over": {
            "file": _lines(adoption.left),
            "models": {model_id: _lines([*draft.notes, *draft.left]) for model_id, draft in models.items()},
        },
        "needless": {
            "file": adoption.needless,
            "models": {model_id: draft.anyway for model_id, draft in models.items()},
        },
        "counts": {
            "ids": adoption.ids,
            "written": len(adoption.drafts),
            "repository_to_fill_in": len(adoption.to_fill_in),
            "there_already": len(adoption.there),
            "refused": len(adoption.refused),
        },
    }


def _lines(said: list[str]) -> list[str]:
    return [plain(line, LINE) for line in said]


def _states(adoption: Adoption) -> Iterator[tuple[str, str, str]]:
    for draft in adoption.drafts:
        name = "" if draft.model_id == draft.swap_id else f"as {draft.model_id}"
        yield draft.swap_id, "repository to fill in" if draft.wants_repo else "written", name
    for swap_id in adoption.there:
        yield swap_id, "in the stack already", ""
    for swap_id, reason in adoption.refused.items():
        yield swap_id, "refused", reason
