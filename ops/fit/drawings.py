"""The two drawings on the page of `ops fit`: the card with who holds what, and each model with its parts.

Only what has to be computed is here; drawings.svg.j2 draws it. Places and lengths are percentages of the width and
letters are not scaled, so that a phone shows letters as large as a desk does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.fit.report import Segment, by_size, holders, parts, room_mib
from plan.card.fit import Fit

_CARD_TOP, _CARD_ROW = 86, 38
_MODELS_TOP, _MODELS_ROW = 26, 76
_NAME_LETTERS = 26
THIN, _WIDE = "\N{NARROW NO-BREAK SPACE}", "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the colour of `kind`; `x` and `width` such as "12.5000%"."""

    kind: str
    name: str
    size: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Boxes end to end, and the line through them at `edge`, where the memory ends."""

    y: int
    height: int
    boxes: Sequence[Box]
    edge: str

    @property
    def edge_y(self) -> tuple[int, int]:
        """The line's two ends: it stands out a little above and below."""
        return self.y - self.height // 12, self.y + self.height + self.height // 12


@dataclass(frozen=True, slots=True)
class Row:
    """A name at the left, a value at the right, and a bar below; `keys` are its parts, for a wide and a narrow page."""

    y: int
    name: str
    value: str
    weight: str
    bar: Bar
    keys: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Drawing:
    """`told` is the drawing in words. `whole` is the bar above the rows, with the names that have room in it."""

    height: int
    told: str
    edge: str
    edge_label: str
    rows: Sequence[Row]
    whole: Bar | None = None
    inside: Sequence[Box] = ()


def number(mib: float, digits: int = 0) -> str:
    """MiB for a person: 15 360, or 4 455.34."""
    return f"{mib:,.{digits}f}".replace(",", THIN)


def card(fit: Fit) -> Drawing:
    """The card as one bar, and below it a row for each holder at its place in that bar."""
    scale = _Scale(max(fit.used_mib, fit.capacity_mib), fit.capacity_mib)
    held, rest = holders(fit), Segment("too much", "over", fit.capacity_mib, fit.over_mib)
    if fit.over_mib <= 0:
        rest = Segment("free", "free", fit.used_mib, -fit.over_mib)
    biggest = max(it.mib for it in held)
    rows: list[Row] = []
    for it in [*held, rest]:
        top = _CARD_TOP + _CARD_ROW * len(rows)
        share = f"{number(it.mib)} MiB · {100 * it.mib / fit.capacity_mib:.0f} %"
        weight = "strong" if it.mib == biggest or it.kind == "over" else "plain"
        rows.append(Row(top, _short(it.name), share, weight, scale.bar([it], top + 20, 8)))
    listed = ", ".join(f"{it.name} {it.mib:.0f} MiB" for it in [*held, rest])
    return Drawing(
        height=_CARD_TOP + _CARD_ROW * len(rows),
        told=f"{listed}; the card has {fit.capacity_mib} MiB for processes.",
        edge=scale.percent(scale.edge_mib),
        edge_label=f"{fit.card.name}: {number(fit.capacity_mib)} MiB",
        rows=rows,
        whole=scale.bar([*held, rest] if rest.kind == "free" else held, 24, 48),
        inside=[scale.box(it) for it in held if scale.has_room_for_the_name(it)],
    )


def models(fit: Fit) -> Drawing:
    """A bar for each model, from its parts, against the room that tenants and the reserve leave."""
    ids, room = by_size(fit), room_mib(fit)
    scale = _Scale(max(room, *(fit.models[model_id].upper_mib for model_id in ids)), room)
    rows: list[Row] = []
    for model_id in ids:
        top, segments = _MODELS_TOP + _MODELS_ROW * len(rows), parts(fit.models[model_id])
        most = f"at most {number(fit.models[model_id].upper_mib)} MiB"
        keys = _key(segments, 9), _key(segments, 2)
        rows.append(Row(top, _short(model_id), most, "strong", scale.bar(segments, top + 20, 24), keys))
    told = "; ".join(f"{model_id} at most {fit.models[model_id].upper_mib:.0f} MiB" for model_id in ids)
    return Drawing(
        height=_MODELS_TOP - 2 + _MODELS_ROW * len(rows),
        told=f"{told}. Room for models: {room} MiB.",
        edge=scale.percent(room),
        edge_label=f"room for models: {number(room)} MiB",
        rows=rows,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From MiB to percent of a drawing's width; nothing may reach beyond the edge."""

    whole_mib: float
    edge_mib: float

    def percent(self, mib: float) -> str:
        return f"{100 * mib / self.whole_mib:.4f}%"

    def box(self, it: Segment) -> Box:
        return Box(it.kind, it.name, f"{number(it.mib, 2)} MiB", self.percent(it.start_mib), self.percent(it.mib))

    def bar(self, segments: Sequence[Segment], y: int, height: int) -> Bar:
        """Segments end to end; what reaches beyond the edge is crossed out."""
        begin = max(self.edge_mib, segments[0].start_mib)
        beyond = segments[-1].start_mib + segments[-1].mib - begin
        drawn = [*segments]
        if beyond > 0 and segments[0].kind != "over":
            drawn.append(Segment("beyond the edge", "over", begin, beyond))
        return Bar(y, height, [self.box(it) for it in drawn], self.percent(self.edge_mib))

    def has_room_for_the_name(self, it: Segment) -> bool:
        """Whether the name fits into its box on a phone, of about 350 pixels with letters of 8."""
        seen = min(it.start_mib + it.mib, self.edge_mib) - it.start_mib
        return seen / self.whole_mib * 350 >= 8 * len(it.name) + 12


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LETTERS else f"{name[: _NAME_LETTERS - 1]}{_WIDE}"


def _key(segments: Sequence[Segment], names: int) -> str:
    """The first parts by name, the others as a sum where there is no place for them."""
    first, rest = segments[:names], sum(it.mib for it in segments[names:])
    listed = [f"{it.name} {number(it.mib)}" for it in first]
    return " · ".join([*listed, f"rest {number(rest)}"] if rest else listed)
