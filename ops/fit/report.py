"""The report of `ops fit` about a card; terminal, JSON and page each show it in their way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from plan import config
from plan.card.fit import Fit
from plan.vram.estimate import Breakdown

Kind = Literal["tenant", "reserve", "router", "model"]
PARTS = ("weights", "KV cache", "state", "compute", "projector", "draft", "CUDA context")
_ORDER: tuple[Kind, ...] = ("tenant", "reserve", "router", "model")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar: its start and its length in MiB."""

    name: str
    kind: str
    start_mib: float
    mib: float


@dataclass(frozen=True, slots=True)
class Report:
    """The card of one stack. `fit` is None without a card; `refusal` says why the stack does not fit.

    `windows` are lines about tenants that are scaled to zero for some days and not counted until then; `undeclared`
    are lines about pods that share the card without an entry in the configuration.
    """

    stack: str
    date: str
    configured: config.Stack
    fit: Fit | None
    refusal: str | None = None
    windows: Sequence[str] = ()
    undeclared: Sequence[str] = ()

    @property
    def fits(self) -> bool:
        return self.refusal is None


def holders(fit: Fit) -> list[Segment]:
    """Who holds how much, in the order of the bar: tenants, the reserve, and the server last, next to the free part."""
    segments: list[Segment] = []
    at = 0.0
    for row in sorted(fit.rows, key=lambda row: _ORDER.index(row.kind)):
        segments.append(Segment(row.kind if row.kind == "reserve" else row.who, row.kind, at, row.mib))
        at += row.mib
    return segments


def room_mib(fit: Fit) -> int:
    """The MiB that tenants' peaks and the reserve leave to all models together, at least 0."""
    return max(0, fit.room_mib)


def by_size(fit: Fit) -> list[str]:
    """The ids of the models, the largest first."""
    return sorted(fit.models, key=lambda model_id: (-fit.models[model_id].upper_mib, model_id))


def parts(breakdown: Breakdown) -> list[Segment]:
    """The parts of one model end to end, empty ones left out, and the margin that is added for safety."""
    sizes = (
        breakdown.weights_mib,
        breakdown.kv_mib,
        breakdown.state_mib,
        breakdown.compute_mib,
        breakdown.mmproj_weights_mib + breakdown.mmproj_compute_mib,
        breakdown.draft_mib,
        breakdown.context_mib,
    )
    segments: list[Segment] = []
    at = 0.0
    # With a measured total a part can be negative. It is not drawn, and the total stays right.
    for name, mib in [*zip(PARTS, sizes, strict=True), ("margin", breakdown.upper_mib)]:
        length = mib - at if name == "margin" else mib
        if length > 0:
            segments.append(Segment(name, name.replace(" ", "-").lower(), at, length))
            at += length
    return segments


def notes(report: Report) -> list[str]:
    """Lines about the whole card; those about a single model are shown with the model."""
    return [*(report.fit.card_notes if report.fit else ()), *report.windows, *report.undeclared]
