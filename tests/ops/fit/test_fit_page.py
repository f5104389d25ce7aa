"""The page of `ops fit --html`: whole in itself, and every number in its drawings is the plan's."""

import dataclasses
import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from ops.fit import page as fit_page
from ops.fit.report import Report
from plan import config
from plan.base.errors import ConfigError
from plan.card.fit import Fit, Row, plan_fit
from plan.card.fit_table import require_fit
from plan.text.show import lines
from plan.vram.estimate import Breakdown
from tests import stacks

TODAY = datetime.date(2026, 11, 1)
HOSTILE = "<script>alert('1')</script>\"&amp;]]>\x1b[31m\0\ud800\u202e"


def report(context: int = 16384, **changes: Any) -> Report:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"]["context"] = context
    stack = config.parse(raw)
    fit = plan_fit(stack, stacks.locked().models, TODAY, with_contexts=True)
    assert fit
    return Report("t4", TODAY.isoformat(), stack, dataclasses.replace(fit, **changes))


def refused(context: int) -> Report:
    found = report(context)
    assert found.fit
    with pytest.raises(ConfigError) as caught:
        require_fit(found.fit, found.configured, stacks.locked().models)
    return dataclasses.replace(found, refusal=str(caught.value))


def parsed(page: str) -> Element:
    """The page's tree; what is no well-formed XML is markup that a browser would have to guess at."""
    assert page.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - our own page


def drawing(page: Element, key: str) -> Element:
    (found,) = [svg for svg in page.iter("svg") if svg.get("id") == key]
    return found


def rows(svg: Element, y: int) -> list[tuple[str, float, float, float]]:
    """Kind, start and length in percent, and the MiB told, of the rectangles at this height."""
    found: list[tuple[str, float, float, float]] = []
    for rect in svg.findall("rect"):
        if rect.get("y") == str(y) and rect.get("class") != "track":
            title = rect.findtext("title") or ""
            found.append((rect.get("class", ""), *(percent(rect, key) for key in ("x", "width")), mib(title)))
    return found


def percent(rect: Element, key: str) -> float:
    return float(rect.get(key, "").removesuffix("%"))


def mib(text: str) -> float:
    (found,) = re.findall(r"([\d\u202f.]+) MiB", text)
    return float(found.replace("\u202f", ""))


def bars(svg: Element) -> Iterator[list[tuple[str, float, float, float]]]:
    for y in sorted({int(rect.get("y", "0")) for rect in svg.findall("rect")}):
        yield rows(svg, y)


@pytest.mark.parametrize("context", [16384, 40960])
def test_the_cards_bar_is_every_holder_end_to_end(context: int) -> None:
    found = report(context)
    fit = found.fit
    assert fit
    whole, *single = bars(drawing(parsed(fit_page.render(found)), "card"))

    held = [bar for bar in whole if bar[0] not in ("free", "over")]
    assert [bar[3] for bar in sorted(held)] == [
        row.mib for row in sorted(fit.rows, key=lambda row: (row.kind, row.who))
    ]
    scale = max(fit.used_mib, fit.capacity_mib)
    for kind, start, width, size in whole:
        assert width == pytest.approx(100 * size / scale, abs=0.001), f"{kind} is drawn as long as it is large"
        assert start + width <= 100.001
    ends = [start + width for _, start, width, _ in held]
    assert [start for _, start, *_ in held] == pytest.approx([0, *ends[:-1]], abs=0.001)
    assert sum(width for _, _, width, _ in held) == pytest.approx(100 * fit.used_mib / scale, abs=0.01)
    assert sum(size for *_, size in held) == fit.used_mib
    assert len(single) == len(fit.rows) + 1


@pytest.mark.parametrize(("context", "kind"), [(16384, "free"), (40960, "over")])
def test_what_is_free_or_too_much_is_drawn_at_the_edge_of_the_card(context: int, kind: str) -> None:
    found = report(context)
    fit = found.fit
    assert fit
    svg = drawing(parsed(fit_page.render(found)), "card")
    scale = max(fit.used_mib, fit.capacity_mib)

    whole = next(bars(svg))
    rest = [bar for bar in whole if bar[0] in ("free", "over")]

    assert [bar[0] for bar in rest] == [kind], "only one of both, or the operator has to compute"
    assert rest[0][3] == abs(fit.over_mib)
    assert rest[0][1] == pytest.approx(100 * min(fit.used_mib, fit.capacity_mib) / scale, abs=0.001)
    edges = {line.get("x1") for line in svg.findall("line")}
    assert edges == {f"{100 * fit.capacity_mib / scale:.4f}%"}, "the card ends at one place in every row"


def test_each_models_bar_is_its_parts_up_to_what_a_budget_counts_with() -> None:
    found = report()
    fit = found.fit
    assert fit
    svg = drawing(parsed(fit_page.render(found)), "models")
    order = sorted(fit.models, key=lambda model_id: -fit.models[model_id].upper_mib)

    for model_id, bar in zip(order, bars(svg), strict=True):
        parts = {kind: size for kind, _, _, size in bar}
        breakdown = fit.models[model_id]
        assert sum(parts.values()) == pytest.approx(breakdown.upper_mib, abs=0.05)
        assert parts == pytest.approx({key: size for key, size in told(breakdown).items() if size}, abs=0.01)


def told(breakdown: Breakdown) -> Mapping[str, float]:
    return {
        "weights": breakdown.weights_mib,
        "kv-cache": breakdown.kv_mib,
        "state": breakdown.state_mib,
        "compute": breakdown.compute_mib,
        "projector": breakdown.mmproj_weights_mib + breakdown.mmproj_compute_mib,
        "draft": breakdown.draft_weights_mib + breakdown.draft_cache_mib + breakdown.draft_compute_mib,
        "cuda-context": breakdown.context_mib,
        "margin": breakdown.upper_mib - breakdown.total_mib,
    }


def numbers(fit: Fit) -> set[float]:
    """Every figure that the drawings may show."""
    card = [fit.capacity_mib, fit.used_mib, abs(fit.over_mib), *(row.mib for row in fit.rows)]
    room = fit.capacity_mib - sum(row.mib for row in fit.rows if row.kind != "model")
    of_models = [size for it in fit.models.values() for size in (*told(it).values(), it.total_mib, it.upper_mib)]
    rests = [sum([size for size in told(it).values() if size][2:]) for it in fit.models.values()]
    shares = [100 * mib / fit.capacity_mib for mib in card]
    return {round(value) for value in (*card, room, *of_models, *rests, *shares)}


@pytest.mark.parametrize("context", [16384, 40960])
def test_every_number_in_the_drawings_is_the_plans(context: int) -> None:
    found = report(context)
    fit = found.fit
    assert fit
    page = parsed(fit_page.render(found))
    names = "|".join(map(re.escape, (*fit.models, *(row.who for row in fit.rows), fit.card.name)))

    shown = [
        float(number.replace("\u202f", ""))
        for key in ("card", "models")
        for text in drawing(page, key).iter("text")
        for number in re.findall(r"\d[\d\u202f]*", re.sub(names, "", text.text or ""))
    ]

    assert len(shown) > 30, "the labels are there"
    assert set(shown) <= numbers(fit)


@pytest.mark.parametrize("page", [fit_page.render(report()), fit_page.render(refused(40960))])
def test_the_page_needs_nothing_but_itself(page: str) -> None:
    tree = parsed(page)

    assert not [it.tag for it in tree.iter() if it.tag in ("script", "link", "img", "iframe", "object", "use")]
    for it in tree.iter():
        for key, value in it.attrib.items():
            assert key not in ("src", "href", "style", "onclick"), f"{it.tag} {key}"
            assert "//" not in value
    style = "".join(it.text or "" for it in tree.iter("style"))
    assert set(re.findall(r"url\(([^)]*)\)", style)) == {"#too-much"}
    assert "@import" not in style
    assert "http" not in page


def test_it_is_read_aloud_and_without_the_drawings() -> None:
    tree = parsed(fit_page.render(report()))

    for svg in (drawing(tree, "card"), drawing(tree, "models")):
        ids = {it.get("id") for it in svg if it.tag in ("title", "desc")}
        assert ids == set(svg.get("aria-labelledby", "").split()), "a screen reader says what is drawn"
    tables = [" ".join(table.itertext()) for table in tree.iter("table")]
    for name in ("immich-ml", "qwen3-8b", "1\u202f950", "4\u202f455.34"):
        assert any(name in table for table in tables), f"{name} is in no table"


def test_the_verdict_comes_first_and_in_words() -> None:
    good, bad = (" ".join(parsed(fit_page.render(it)).itertext()) for it in (report(), refused(40960)))

    assert "Fits:" in good
    assert "Does not fit:" not in good
    assert "Does not fit:" in bad
    assert "One of these lines is enough" in bad, "the page says what a preview would say"
    assert bad.index("Does not fit:") < bad.index("immich-ml")


def test_no_name_is_taken_for_markup() -> None:
    rows = (Row(HOSTILE, 7000, "model", "derived"), Row(HOSTILE, 3000, "tenant", "declared peak"))
    found = dataclasses.replace(report(rows=rows, notes=(HOSTILE,)), stack=HOSTILE, refusal=HOSTILE)

    page = fit_page.render(found)

    assert "<script" not in page
    texts = ["".join(it.itertext()) for it in parsed(page).iter()]
    assert lines(HOSTILE) in texts, "it is shown as what it is"
    assert repr(HOSTILE.partition("]]>")[2])[1:-1] in page, "what no XML has is written as Python does"


def test_a_long_name_leaves_its_number_legible() -> None:
    name = "a-name-of-sixty-three-letters-that-nobody-would-give-to-a-thing"
    page = parsed(fit_page.render(report(rows=(Row(name, 7000, "model", "derived"),))))

    labels = [it.text or "" for it in drawing(page, "card").iter("text")]
    assert not [label for label in labels if len(label) > 30], "it would run into the number on a phone"
    assert any(label.endswith("…") for label in labels)


def test_equal_reports_give_equal_bytes_and_a_stack_without_a_card_a_page_too() -> None:
    assert fit_page.render(report()) == fit_page.render(report())
    stack = config.parse(stacks.raw("cpu"))
    tree = parsed(fit_page.render(Report("cpu", TODAY.isoformat(), stack, None)))
    assert "No card" in " ".join(tree.itertext())


def test_a_model_measured_at_less_than_its_parts_is_drawn_up_to_what_a_budget_counts_with() -> None:
    fit = report().fit
    assert fit
    measured = dataclasses.replace(fit.models["qwen3-8b"], context_mib=-40.0, source="measured")
    page = parsed(fit_page.render(report(models={"qwen3-8b": measured})))

    (bar,) = bars(drawing(page, "models"))

    assert "cuda-context" not in {kind for kind, *_ in bar}, "no bar is shorter than nothing"
    assert sum(size for *_, size in bar) == pytest.approx(measured.upper_mib, abs=0.05)
