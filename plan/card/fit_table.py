"""What a person reads about the card: the refusal with its table and the ways out, and the line of a preview."""

from itertools import islice

from plan import config
from plan.base.errors import ConfigError
from plan.card.fit import Fit, Row
from plan.card.model_memory import Locked
from plan.card.ways_out import ways_out

_SHOWN = 16  # ways out of one refusal
_NONE = "No change of one group of models or of one tenant is enough: several of them have to shrink."


def require_fit(fit: Fit, stack: config.Stack, locked: Locked) -> None:
    """Raise ConfigError, with who holds what and what would have to change, where the card is too small."""
    if fit.over_mib <= 0:
        return
    ways = [", ".join(map(str, way)) for way in islice(ways_out(fit, stack, locked), _SHOWN)]
    # Which requests a node has room for is another sum, and another refusal: plan/card/extended_resource.py.
    beside = ", and gpu.memory.budget_mib has to hold what pods request then" if stack.gpu.memory else ""
    advice = "\n  ".join([f"\nOne of these lines is enough{beside}:", *ways]) if ways else f"\n{_NONE}"
    raise ConfigError(
        f"{config.KEY}.gpu",
        f"{fit.used_mib} MiB",
        f"That may be on the card at once, {fit.over_mib} MiB more than the {fit.capacity_mib} MiB that processes can "
        f"have of it:{table(fit)}{advice}",
    )


def table(fit: Fit) -> str:
    """A line for each holder, the sum, what the card has and what is missing or left, each after a newline."""
    bound = ", a bound, not measured" if "driver_mib" in fit.card.bounded else ""
    kept = f"{fit.card.total_mib} of the card, less {fit.card.driver_mib} that its driver keeps{bound}"
    rows = [
        *fit.rows,
        ("together", fit.used_mib, ""),
        (f"gpu.model {fit.card.name}", fit.capacity_mib, kept),
        ("too much" if fit.over_mib > 0 else "left", abs(fit.over_mib), ""),
    ]
    cells = [(row.who, row.mib, _source(row)) if isinstance(row, Row) else row for row in rows]
    width = max(len(who) for who, _, _ in cells)
    return "".join(f"\n  {mib:>8} MiB  {who:<{width}}  {source}".rstrip() for who, mib, source in cells)


def fit_line(fit: Fit) -> str:
    """One sentence for a preview."""
    percent = round(100 * fit.used_mib / fit.capacity_mib)
    sources = sorted({fit.models[model_id].source for model_id in fit.resident})
    return (
        f"GPU memory: {fit.used_mib} of {fit.capacity_mib} MiB ({percent} %) at the worst, "
        f"{fit.needed_mib} of them for {' and '.join(fit.resident)} ({', '.join(sources)})."
    )


def _source(row: Row) -> str:
    return f"{row.kind}, {row.source}" if row.kind != "reserve" else row.source
