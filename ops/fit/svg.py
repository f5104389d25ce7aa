"""The two drawings on the page of `ops fit`: the card with who holds what, and each model with its parts.

Places and lengths are percentages and letters are not scaled, so that a phone shows letters as large as a desk does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ops.fit.report import Segment, by_size, holders, parts, room_mib
from plan.card.fit import Fit

_ROW, _NAME_LETTERS = 38, 26
_THIN, _WIDE = "\N{NARROW NO-BREAK SPACE}", "\N{HORIZONTAL ELLIPSIS}"


def number(mib: float, digits: int = 0) -> str:
    """MiB for a person: 15 360, or 4 455.34."""
    return f"{mib:,.{digits}f}".replace(",", _THIN)


def element(tag: str, *children: Element | str, **attributes: object) -> Element:
    """An element of the page. Text is escaped by whoever writes the tree; `class_` is the attribute class."""
    made = Element(tag, {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + child
        else:
            made.text = (made.text or "") + child
    return made


def card(fit: Fit) -> Element:
    """The card as one bar, and below it a row for each holder at its place of that bar."""
    scale = _Scale(max(fit.used_mib, fit.capacity_mib), fit.capacity_mib)
    rows, rest = holders(fit), Segment("too much", "over", fit.capacity_mib, fit.over_mib)
    if fit.over_mib <= 0:
        rest = Segment("free", "free", fit.used_mib, -fit.over_mib)
    height = 86 + _ROW * (len(rows) + 1)
    drawing = _drawing(height, "The card", _told(fit, rows, rest), "card")
    drawing.append(_patterns())
    drawing.extend(_bar([*rows, rest] if rest.kind == "free" else rows, scale, 24, 48))
    drawing.extend(_inside(rows, scale))
    biggest = max(it.mib for it in rows)
    for at, it in enumerate([*rows, rest]):
        top = 86 + _ROW * at
        share = f"{number(it.mib)} MiB · {100 * it.mib / fit.capacity_mib:.0f} %"
        drawing.extend(_labels(it.name, share, top, "strong" if it.mib == biggest or it.kind == "over" else "plain"))
        drawing.append(element("rect", class_="track", x=0, y=top + 20, width="100%", height=8))
        drawing.extend(_bar([it], scale, top + 20, 8))
    drawing.append(scale.label(f"{fit.card.name}: {number(fit.capacity_mib)} MiB"))
    return drawing


def models(fit: Fit) -> Element:
    """A bar for each model, from its parts, against the room that tenants and the reserve leave."""
    ids, room = by_size(fit), room_mib(fit)
    scale = _Scale(max(room, *(fit.models[model_id].upper_mib for model_id in ids)), room)
    told = "; ".join(f"{model_id} at most {fit.models[model_id].upper_mib:.0f} MiB" for model_id in ids)
    drawing = _drawing(24 + 76 * len(ids), "The models", f"{told}. Room for models: {room} MiB.", "models")
    for at, model_id in enumerate(ids):
        top, breakdown = 26 + 76 * at, fit.models[model_id]
        drawing.extend(_labels(model_id, f"at most {number(breakdown.upper_mib)} MiB", top, "strong"))
        drawing.extend(_bar(parts(breakdown), scale, top + 20, 24))
        for width, names in (("wide", 9), ("narrow", 2)):
            key = _key(parts(breakdown), names)
            drawing.append(element("text", key, class_=f"key {width}", x=0, y=top + 60))
    drawing.append(scale.label(f"room for models: {number(room)} MiB"))
    return drawing


def swatch(kind: str) -> Element:
    """A small square in a kind's colour."""
    square = element("rect", class_=kind, x=1, y=1, width=12, height=12)
    return element("svg", square, class_="swatch", width=14, height=14, aria_hidden="true")


def _told(fit: Fit, rows: Sequence[Segment], rest: Segment) -> str:
    listed = ", ".join(f"{it.name} {it.mib:.0f} MiB" for it in [*rows, rest])
    return f"{listed}; the card has {fit.capacity_mib} MiB for processes."


def _drawing(height: int, title: str, told: str, key: str) -> Element:
    said = (element("title", title, id=f"{key}-title"), element("desc", told, id=f"{key}-told"))
    names = f"{key}-title {key}-told"
    return element("svg", *said, id=key, role="img", aria_labelledby=names, width="100%", height=height)


def _bar(segments: Sequence[Segment], scale: "_Scale", y: int, height: int) -> Iterator[Element]:
    """Segments end to end, the part beyond the edge crossed out, and the edge as a line through it."""
    for it in segments:
        yield _rect(it, scale, y, height)
    begin = max(scale.edge_mib, segments[0].start_mib)
    beyond = segments[-1].start_mib + segments[-1].mib - begin
    if beyond > 0 and segments[0].kind != "over":
        yield _rect(Segment("beyond the edge", "over", begin, beyond), scale, y, height)
    x = scale.percent(scale.edge_mib)
    yield element("line", class_="edge", x1=x, x2=x, y1=y - height // 12, y2=y + height + height // 12)


def _inside(segments: Sequence[Segment], scale: "_Scale") -> Iterator[Element]:
    """The names of those that are long enough for it on a phone, of about 350 pixels with letters of 8."""
    for it in segments:
        seen = min(it.start_mib + it.mib, scale.edge_mib) - it.start_mib
        if seen / scale.whole_mib * 350 >= 8 * len(it.name) + 12:
            yield element("text", it.name, class_=f"in-{it.kind}", x=scale.percent(it.start_mib), dx=7, y=53)


def _rect(it: Segment, scale: "_Scale", y: int, height: int) -> Element:
    title = element("title", f"{it.name}: {number(it.mib, 2)} MiB")
    x, width = scale.percent(it.start_mib), scale.percent(it.mib)
    return element("rect", title, class_=it.kind, x=x, y=y, width=width, height=height)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From MiB to percent of a drawing's width; nothing may reach beyond the edge."""

    whole_mib: float
    edge_mib: float

    def percent(self, mib: float) -> str:
        return f"{100 * mib / self.whole_mib:.4f}%"

    def label(self, text: str) -> Element:
        return element("text", text, class_="edge-label", x=self.percent(self.edge_mib), y=14, text_anchor="end")


def _labels(name: str, value: str, y: int, weight: str) -> Iterator[Element]:
    short = name if len(name) <= _NAME_LETTERS else f"{name[: _NAME_LETTERS - 1]}{_WIDE}"
    yield element("text", short, class_=weight, x=0, y=y + 14)
    yield element("text", value, class_=f"{weight} value", x="100%", y=y + 14, text_anchor="end")


def _key(segments: Sequence[Segment], names: int) -> str:
    """The first parts by name, the others as a sum where there is no place for them."""
    first, rest = segments[:names], sum(it.mib for it in segments[names:])
    listed = [f"{it.name} {number(it.mib)}" for it in first]
    return " · ".join([*listed, f"rest {number(rest)}"] if rest else listed)


def _patterns() -> Element:
    over = element("path", d="M-2,2 l4,-4 M0,10 l10,-10 M8,12 l4,-4", class_="hatch")
    ground = element("rect", class_="hatch-ground", width=10, height=10)
    units = {"patternUnits": "userSpaceOnUse"}
    return element("defs", element("pattern", ground, over, id="too-much", width=10, height=10, **units))
