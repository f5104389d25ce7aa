"""`ops fit --card`: the card that a person names, and the list of all that are built in with who published what."""

import dataclasses
import json
from collections.abc import Iterator

from rich.text import Text

from ops.base.errors import OpsError
from ops.base.terminal import console
from plan.catalogue import names
from plan.catalogue.card import VENDORS, Card
from plan.catalogue.cards import CARDS, CATALOGUE, Known
from plan.text.show import show


def named(text: str) -> Card:
    """The card that is called so; raises OpsError with those that are called alike."""
    if found := names.named(text):
        return CARDS[found]
    near = names.close(text)
    fix = f"pass one of {', '.join(near)}" if near else "pass another --card"
    stack = f"`gpu.model` {names.OTHER}, {' or '.join(VENDORS)} and its figures in `gpu.card`"
    raise OpsError(
        f"there is no card {show(text)}",
        f"{fix}; `{names.LIST}` shows all, and any other card is described in a stack, by {stack}",
    )


def show_all(*, as_json: bool) -> None:
    """Print every card of the catalogue, with its figures in MiB and their sources."""
    if as_json:
        print(json.dumps([dict(_figures(known)) for known in CATALOGUE.values()], indent=2))
        return
    head = ("", "compute", "MiB that", "MiB for", "MiB of each", "")
    lines = [head, ("card", "capability", "nvidia-smi has", "processes", "context", "published by")]
    lines += [_cells(known) for known in CATALOGUE.values()]
    widths = [max(len(line[at]) for line in lines) for at in range(5)]
    out = console()
    for name, *numbers, sources in lines:
        cells = [f"{it:>{width}}" for it, width in zip(numbers, widths[1:], strict=True)]
        out.print(Text("  ".join([f"{name:<{widths[0]}}", *cells, sources]).rstrip()), soft_wrap=True)
    out.print(Text("\n~ is a bound, not measured. The other figures of a context are the usual and the largest."))


def _cells(known: Known) -> tuple[str, str, str, str, str, str]:
    card = known.card
    capacity = f"{'~' if 'driver_mib' in card.bounded else ''}{card.capacity_mib}"
    context = f"{card.context_mib} to {card.context_upper_mib}"
    context = f"~{card.context_upper_mib}" if "context_mib" in card.bounded else context
    number = f"{known.compute_capability / 10:.1f}"
    return known.name, number, f"{card.total_mib}", capacity, context, known.sources


def _figures(known: Known) -> Iterator[tuple[str, object]]:
    card = known.card
    yield from dataclasses.asdict(card).items()
    yield from (("compute_capability", known.compute_capability / 10), ("product", known.product))
    yield from (("capacity_mib", card.capacity_mib), ("sources", known.sources))
