"""`ops fit --html`: the card on one page, which needs no script, no network and no other file.

The tree is built of elements and written as XML that HTML understands too, so that no name can be taken for markup.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ops.fit import svg
from ops.fit.report import PARTS, Report, by_size, holders, notes
from ops.fit.svg import element, number, swatch
from plan.card.fit import Fit
from plan.vram.estimate import Breakdown

_STYLE = Path(__file__).with_name("fit_page.css")
_KINDS = (
    ("tenant", "tenants, at their peak"),
    ("reserve", "reserve, stays free"),
    ("model", "models, at most"),
    ("free", "free"),
    ("over", "too much"),
)
_COLUMNS = (
    "model",
    *PARTS[:4],
    "projector",
    "its compute",
    PARTS[5],
    "total",
    "at most",
    "source",
    "context",
    "largest that fits",
)


def render(report: Report) -> str:
    """The page; equal reports give equal bytes."""
    title = f"GPU memory of stack {report.stack}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", _STYLE.read_text(encoding="utf-8")),
    )
    body = element("body", element("h1", title), *_content(report))
    page = element("html", head, body, lang="en")
    ElementTree.indent(page, space=" ")
    return f"<!DOCTYPE html>\n{ElementTree.tostring(page, encoding='unicode')}\n"


def _content(report: Report) -> Iterator[Element]:
    fit = report.fit
    if fit is None:
        yield element("p", "No card: every layer stays on the CPU", class_="verdict")
        yield element("p", element("code", "gpu.model"), " of this stack is none, so there is nothing to fit.")
    else:
        yield from _verdict(fit)
        told = "At worst: the largest models that can be loaded together, and every tenant at its peak."
        kept = f" The driver keeps {number(fit.card.driver_mib)} of the card's {number(fit.card.total_mib)} MiB."
        yield _figure(svg.card(fit), _KINDS, told + kept)
        if report.refusal:
            yield element("h2", "What would have to change")
            yield element("pre", report.refusal, tabindex=0)
        yield element("h2", "Each model")
        named = [(part.replace(" ", "-").lower(), part) for part in (*PARTS, "margin")]
        yield _figure(svg.models(fit), named, "One bar per model; the margin is what is added for safety.")
        yield element("h2", "In numbers")
        yield _holders(fit)
        yield _numbers(report, fit)
    if lines := [*(report.fit.notes if report.fit else ()), *notes(report)]:
        yield element("h2", "Notes")
        yield element("ul", *(element("li", line) for line in lines), class_="notes")
    made = f"Made on {report.date} by "
    yield element(
        "footer", element("p", made, element("code", f"python -m ops fit --stack {report.stack} --html FILE"))
    )


def _verdict(fit: Fit) -> Iterator[Element]:
    fits = fit.over_mib <= 0
    text = (
        f"✓ Fits: {number(-fit.over_mib)} MiB stay free"
        if fits
        else f"✗ Does not fit: {number(fit.over_mib)} MiB too much"
    )
    yield element("p", text, class_="verdict good" if fits else "verdict bad")
    biggest = max(holders(fit), key=lambda it: it.mib)
    share = f"{number(biggest.mib)} MiB, {100 * biggest.mib / fit.capacity_mib:.0f} % of the card"
    yield element("p", "Biggest: ", element("strong", biggest.name), f" with {share}.")


def _figure(drawing: Element, kinds: Sequence[tuple[str, str]], caption: str) -> Element:
    legend = element("ul", *(element("li", swatch(kind), text) for kind, text in kinds), class_="legend")
    return element("figure", legend, drawing, element("figcaption", caption))


def _holders(fit: Fit) -> Element:
    rows = [(it.name, it.kind, number(it.mib)) for it in holders(fit)]
    rest = "too much" if fit.over_mib > 0 else "free"
    rows += [("together", "", number(fit.used_mib)), (fit.card.name, "the card", number(fit.capacity_mib))]
    rows.append((rest, "", number(abs(fit.over_mib))))
    return _table("The card", ("who", "what", "MiB"), rows, words=("what",))


def _numbers(report: Report, fit: Fit) -> Element:
    rows: list[tuple[str, ...]] = []
    for model_id in by_size(fit):
        breakdown, model = fit.models[model_id], report.configured.models[model_id]
        most = fit.largest_context.get(model_id)
        context = (number(model.request_tokens), number(most) if most else "none")
        rows.append((model_id, *(number(mib, 2) for mib in _sizes(breakdown)), breakdown.source, *context))
    return _table("The models, MiB, and contexts in tokens", _COLUMNS, rows, words=("source",))


def _sizes(breakdown: Breakdown) -> tuple[float, ...]:
    return (
        breakdown.weights_mib,
        breakdown.kv_mib,
        breakdown.state_mib,
        breakdown.compute_mib,
        breakdown.mmproj_weights_mib,
        breakdown.mmproj_compute_mib,
        breakdown.context_mib,
        breakdown.total_mib,
        breakdown.upper_mib,
    )


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[str]) -> Element:
    kinds = [{"class": "words"} if column in words else {} for column in columns]
    head = [element("th", name, scope="col", **kind) for name, kind in zip(columns, kinds, strict=True)]
    lines = [
        element("tr", *(element("td", cell, **kind) for cell, kind in zip(row, kinds, strict=True))) for row in rows
    ]
    body = (element("caption", caption), element("thead", element("tr", *head)), element("tbody", *lines))
    return element("div", element("table", *body), class_="scroll", role="region", aria_label=caption, tabindex=0)
