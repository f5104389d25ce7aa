"""What `ops fit` has to say of a card, before it is a text, JSON or a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from plan import config
from plan.card.fit import Fit
from plan.vram.estimate import Breakdown

Kind = Literal["tenant", "reserve", "model"]
PARTS = ("weights", "KV cache", "state", "compute", "projector", "CUDA context")
_ORDER: tuple[Kind, ...] = ("tenant", "reserve", "model")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar: where it begins and how long it is, MiB."""

    name: str
    kind: str
    start_mib: float
    mib: float


@dataclass(frozen=True, slots=True)
class Report:
    """One stack's card. `fit` is None where there is no card; `refusal` is the text of a stack that does not fit.

    `windows` are lines about tenants that count as nothing for a while, `undeclared` about pods that share the card
    and that no entry of the configuration names.
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
    """Who holds what, from the card's first MiB on: tenants, the reserve, and last what grows towards the edge."""
    segments: list[Segment] = []
    at = 0.0
    for row in sorted(fit.rows, key=lambda row: _ORDER.index(row.kind)):
        segments.append(Segment(row.kind if row.kind == "reserve" else row.who, row.kind, at, row.mib))
        at += row.mib
    return segments


def room_mib(fit: Fit) -> int:
    """What tenants' peaks and the reserve leave to all models together, at least 0: the length of a drawing."""
    return max(0, fit.room_mib)


def by_size(fit: Fit) -> list[str]:
    """The models' ids, the largest first."""
    return sorted(fit.models, key=lambda model_id: (-fit.models[model_id].upper_mib, model_id))


def parts(breakdown: Breakdown) -> list[Segment]:
    """The parts of one model end to end, without those that it does not have, and what is added for safety."""
    sizes = (
        breakdown.weights_mib,
        breakdown.kv_mib,
        breakdown.state_mib,
        breakdown.compute_mib,
        breakdown.mmproj_weights_mib + breakdown.mmproj_compute_mib,
        breakdown.context_mib,
    )
    segments: list[Segment] = []
    at = 0.0
    # What is left beside a measured total can be less than nothing; it is in the total all the same.
    for name, mib in [*zip(PARTS, sizes, strict=True), ("margin", breakdown.upper_mib)]:
        length = mib - at if name == "margin" else mib
        if length > 0:
            segments.append(Segment(name, name.replace(" ", "-").lower(), at, length))
            at += length
    return segments


def notes(report: Report) -> list[str]:
    """What has to be known of the card; what of single models is with them."""
    return [*report.windows, *report.undeclared]
