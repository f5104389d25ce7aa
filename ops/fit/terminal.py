"""`ops fit` for a terminal: bars of letters that differ without colour too."""

from collections.abc import Iterable, Sequence

from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ops.base.terminal import console
from ops.fit.report import Report, Segment, by_size, holders, notes, parts, room_mib
from plan.card.fit import Fit
from plan.text.show import lines
from plan.vram.estimate import Breakdown

_INK = {  # a glyph and a colour for each kind
    "tenant": ("▓", "yellow"),
    "reserve": ("░", "bright_black"),
    "router": ("▚", "magenta"),
    "model": ("█", "blue"),
    "free": ("·", "green"),
    "over": ("X", "bold red"),
    "weights": ("█", "blue"),
    "kv-cache": ("▓", "cyan"),
    "state": ("▞", "green"),
    "compute": ("▒", "yellow"),
    "projector": ("▚", "magenta"),
    "draft": ("▜", "bright_blue"),
    "cuda-context": ("░", "white"),
    "margin": ("·", "bright_black"),
}


def show(report: Report) -> None:
    """Print the card, the models and every note."""
    out = console()
    fit = report.fit
    if fit is None:
        out.print(f"stack {report.stack}: there is no card (gpu.model is none), every layer stays on the CPU")
    else:
        out.print(_verdict(report.stack, fit))
        _card(out, fit)
        for model_id in by_size(fit):
            out.print()
            show_model(
                out,
                _headline(model_id, report, fit),
                fit.models[model_id],
                room_mib(fit),
                fit.models[model_id].notes,
            )
    for line in notes(report):
        out.print(Text(f"\n{lines(line)}"), style="yellow", soft_wrap=True)
    if report.refusal:
        console(stderr=True).print(Text(f"\n{lines(report.refusal)}"), style="red", soft_wrap=True)


def show_model(out: Console, headline: Text, breakdown: Breakdown, scale_mib: float, about: Sequence[str]) -> None:
    """Print one model: its bar on a scale of `scale_mib`, the size of each part, and its notes."""
    segments, width = parts(breakdown), min(out.width - 2, 100)
    longest = max(scale_mib, breakdown.upper_mib)
    out.print(headline, soft_wrap=True)
    out.print(Text("  ").append_text(_bar(segments, longest, width, edge_mib=scale_mib)))
    keys = [Text(f"{_INK[it.kind][0]} {it.name} {it.mib:.2f}", _INK[it.kind][1]) for it in segments]
    out.print(Padding(Columns(keys, padding=(0, 2)), (0, 0, 0, 2)))
    for note in about:
        out.print(Text(f"  {lines(note)}"), style="yellow", soft_wrap=True)


def _verdict(stack: str, fit: Fit) -> Text:
    text = Text(f"stack {stack}: ")
    card = f"{fit.card.name} with {fit.capacity_mib} MiB"
    if fit.over_mib > 0:
        return text.append(f"does not fit on its {card}: {fit.over_mib} MiB too much", "bold red")
    return text.append(f"fits on its {card}: {-fit.over_mib} MiB stay free", "bold green")


def _card(out: Console, fit: Fit) -> None:
    rows = holders(fit)
    rest = "over" if fit.over_mib > 0 else "free"
    begins = min(fit.used_mib, fit.capacity_mib)
    rows.append(Segment({"over": "too much", "free": "free"}[rest], rest, begins, abs(fit.over_mib)))
    scale, names = max(fit.used_mib, fit.capacity_mib), max(len(row.name) for row in rows)
    width = max(10, min(out.width - names - 11, 100))
    for row in rows:
        line = Text(f"  {row.name:{names}} {row.mib:6.0f}  ")
        out.print(line.append_text(_bar([row], scale, width, edge_mib=fit.capacity_mib)), no_wrap=True, crop=True)


def _bar(segments: Sequence[Segment], scale_mib: float, width: int, edge_mib: float) -> Text:
    """The segments on a scale of `width` cells; what lies beyond the edge is drawn as too much."""
    bar = Text(" " * round(segments[0].start_mib / scale_mib * width))
    for cells in _cells(segments, scale_mib, width):
        beyond = max(0, len(bar) + cells[1] - round(edge_mib / scale_mib * width))
        for kind, count in ((cells[0], cells[1] - min(beyond, cells[1])), ("over", min(beyond, cells[1]))):
            bar.append(_INK[kind][0] * count, _INK[kind][1])
    return bar


def _cells(segments: Sequence[Segment], scale_mib: float, width: int) -> Iterable[tuple[str, int]]:
    """Each segment's kind and its cells, at least one. Ends are rounded, not lengths: errors would add up."""
    at = round(segments[0].start_mib / scale_mib * width)
    for it in segments:
        end = max(at + 1, round((it.start_mib + it.mib) / scale_mib * width))
        yield it.kind, end - at
        at = end


def _headline(model_id: str, report: Report, fit: Fit) -> Text:
    breakdown, most = fit.models[model_id], fit.largest_context.get(model_id)
    text = Text(model_id, "bold")
    text.append(f"  {breakdown.total_mib:.0f} MiB, at most {breakdown.upper_mib:.0f} ({breakdown.source})", "default")
    if model_id in fit.resident:
        text.append(", in the largest set", "default")
    context = report.configured.models[model_id].request_tokens
    fitting = f"{most} would fit" if most else "none would fit"
    return text.append(f"; context {context}, {fitting}", "default")
