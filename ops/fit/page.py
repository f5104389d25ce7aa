"""`ops fit --html`: the card on one page, which needs no script, no network and no other file.

page.html.j2 is the page and drawings.svg.j2 its drawings. Jinja2 escapes every value, so that no name is taken for
markup; the result is well-formed XML, which the tests check.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ops.fit import drawings
from ops.fit.drawings import THIN, number
from ops.fit.report import PARTS, Report, by_size, holders, notes
from plan.card.fit import Fit
from plan.text.show import lines
from plan.vram.estimate import Breakdown

_HERE = Path(__file__).parent
_CARD_KINDS = (
    ("tenant", "tenants, at their peak"),
    ("reserve", "reserve, stays free"),
    ("router", "llama.cpp's router, which has no model"),
    ("model", "models, at most"),
    ("free", "free"),
    ("over", "too much"),
)
_MODEL_KINDS = tuple((part.replace(" ", "-").lower(), part) for part in (*PARTS, "margin"))
_COLUMNS = (
    "model",
    *PARTS[:4],
    "projector",
    "its compute",
    *PARTS[5:],
    "total",
    "at most",
    "source",
    "context",
    "largest that fits",
)


@dataclass(frozen=True, slots=True)
class _Table:
    """Columns named in `words` are aligned as words, the others as numbers."""

    caption: str
    columns: Sequence[str]
    words: Sequence[str]
    rows: Sequence[Sequence[str]]


def render(report: Report) -> str:
    """The page; equal reports give equal bytes."""
    pages = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["number"] = number
    fit = report.fit
    return pages.get_template("page.html.j2").render(
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        report=report,
        fit=fit,
        notes=[*(fit.notes if fit else ()), *notes(report)],
        **(_of_card(report, fit) if fit else {}),
    )


def _shown(value: object) -> object:
    """A text without signs that XML does not have or that nobody sees; markup is of the templates alone."""
    if not isinstance(value, str) or hasattr(value, "__html__"):  # what is markup already says so
        return value
    return THIN.join(map(lines, value.split(THIN)))  # the space between the digits of our own numbers


def _of_card(report: Report, fit: Fit) -> dict[str, Any]:
    return {
        "biggest": max(holders(fit), key=lambda it: it.mib),
        "card": drawings.card(fit),
        "card_kinds": [kind for kind in _CARD_KINDS if kind[0] != "router" or fit.router_mib],
        "models": drawings.models(fit),
        "model_kinds": _MODEL_KINDS,
        "tables": (_holders(fit), _numbers(report, fit)),
    }


def _holders(fit: Fit) -> _Table:
    rows = [(it.name, it.kind, number(it.mib)) for it in holders(fit)]
    rest = "too much" if fit.over_mib > 0 else "free"
    rows += [("together", "", number(fit.used_mib)), (fit.card.name, "the card", number(fit.capacity_mib))]
    rows.append((rest, "", number(abs(fit.over_mib))))
    return _Table("The card", ("who", "what", "MiB"), ("what",), rows)


def _numbers(report: Report, fit: Fit) -> _Table:
    rows: list[tuple[str, ...]] = []
    for model_id in by_size(fit):
        breakdown, model = fit.models[model_id], report.configured.models[model_id]
        most = fit.largest_context.get(model_id)
        context = (number(model.request_tokens), number(most) if most else "none")
        rows.append((model_id, *(number(mib, 2) for mib in _sizes(breakdown)), breakdown.source, *context))
    return _Table("The models, MiB, and contexts in tokens", _COLUMNS, ("source",), rows)


def _sizes(breakdown: Breakdown) -> tuple[float, ...]:
    return (
        breakdown.weights_mib,
        breakdown.kv_mib,
        breakdown.state_mib,
        breakdown.compute_mib,
        breakdown.mmproj_weights_mib,
        breakdown.mmproj_compute_mib,
        breakdown.draft_mib,
        breakdown.context_mib,
        breakdown.total_mib,
        breakdown.upper_mib,
    )
