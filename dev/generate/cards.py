"""The cards that are built in as Markdown: how each is called, what a plan counts with, and who published that."""

from plan.catalogue.cards import CARDS, CATALOGUE


def table() -> str:
    """A row for each card."""
    rows = [
        "| `gpu.model` | card | compute capability | nvidia-smi | its driver keeps | processes can have | a context "
        "| published by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for known in CATALOGUE.values():
        card = CARDS[known.name]
        context = f"{card.context_mib} to {card.context_upper_mib}"
        cells = (
            f"`{card.name}`",
            known.product,
            f"{known.compute_capability / 10:.1f}",
            f"{card.total_mib}",
            f"{_bound('driver_mib' in card.bounded)}{card.driver_mib}",
            f"{card.capacity_mib}",
            f"{_bound(True)}{card.context_upper_mib}" if "context_mib" in card.bounded else context,
            known.sources,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _bound(is_bound: bool) -> str:
    return "at most " if is_bound else ""
