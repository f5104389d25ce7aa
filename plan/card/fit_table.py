"""What a person reads about the card: the refusal with its table and the ways out, and the line of a preview."""

from collections.abc import Iterator

from plan import config
from plan.base.errors import ConfigError
from plan.card.fit import Fit, Row, SwapGroup


def require_fit(fit: Fit, stack: config.Stack) -> None:
    """Raise ConfigError, with who holds what and what would have to change, where the card is too small."""
    if fit.over_mib <= 0:
        return
    ways = "".join(f"\n  {line}" for line in _ways_out(fit, stack))
    raise ConfigError(
        f"{config.KEY}.gpu",
        f"{fit.used_mib} MiB",
        f"That may be on the card at once, {fit.over_mib} MiB more than the {fit.capacity_mib} MiB that processes can "
        f"have of it:{table(fit)}\nOne of these is enough:{ways}",
    )


def table(fit: Fit) -> str:
    """A line for each holder, the sum, what the card has and what is missing or left, each after a newline."""
    kept = f"{fit.card.total_mib} of the card, less {fit.card.driver_mib} that its driver keeps"
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


def _ways_out(fit: Fit, stack: config.Stack) -> Iterator[str]:
    """Changes of which each one alone makes it fit: groups that take turns, then residents, then tenants."""
    groups = sorted(fit.groups, key=lambda group: stack.models[group.members[0]].resident)
    ways = [*(_smaller_models(fit, stack, group) for group in groups), *_smaller_tenants(fit)]
    return (way for way in ways if way) if any(ways) else iter(("none alone: several of these have to shrink",))


def _smaller_models(fit: Fit, stack: config.Stack, group: SwapGroup) -> str:
    """What has to become of each of the models that take turns, so that it fits beside everyone else."""
    room = group.room_mib
    fitting, out = list[str](), list[str]()
    for model_id in group.members:
        largest = fit.largest_context[model_id]
        if fit.models[model_id].upper_mib <= room:
            fitting.append(f"{model_id} as it is")
        elif largest:
            fitting.append(f"{model_id} with context {largest} or less (it is {stack.models[model_id].request_tokens})")
        else:
            out.append(model_id)
    if not fitting:
        return f"without {', '.join(out)}: no context fits in {max(room, 0)} MiB"
    without = f"; no context of {', '.join(out)} fits" if out else ""
    return f"{room} MiB are enough for {', '.join(fitting)}{without}"


def _smaller_tenants(fit: Fit) -> Iterator[str]:
    for row in fit.rows:
        if row.kind == "tenant" and row.mib > fit.over_mib:
            less = f"peak_mib {row.mib - fit.over_mib} or less (it is {row.mib})"
            yield f"gpu.tenants.{row.who}, made to hold less: {less}"
    if zero := [row.who for row in fit.rows if row.kind == "tenant" and row.mib >= fit.over_mib]:
        yield f"gpu.tenants.{' or '.join(zero)} at 0 replicas for a while: scaled_to_zero_until with the last day"
