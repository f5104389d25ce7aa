"""The tables of `make bench`: who spent what, in which preview."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from rich.table import Table

from bench.preview.parts import Spent

Pairs = Sequence[tuple[Spent, Spent]]
_PROGRAM = "program"


def ratio(pairs: Pairs, of: Callable[[Spent], float]) -> float:
    """Ours to the empty program's: the median over the pairs."""
    return statistics.median(of(ours) / of(empty) for ours, empty in pairs)


def tables(stack: str, pairs: Pairs, inside: Mapping[str, float]) -> tuple[Table, Table]:
    """Seconds by process, and the program's own by step."""
    return _processes(stack, pairs), _steps(pairs, inside)


def _processes(stack: str, pairs: Pairs) -> Table:
    ours, empty = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    table = Table("no-change preview: seconds, medians", stack, "empty program", "more")
    names = sorted({name for spent in ours for name in spent.programs}, key=lambda name: -_of(name, ours))
    for name in names:
        if max(_of(name, ours), _of(name, empty)) >= 0.01:
            _row(table, f"CPU: {name}", _of(name, ours), _of(name, empty))
    table.add_section()
    for what, of in (("CPU of all processes", lambda spent: spent.cpu_s), ("wall", lambda spent: spent.wall_s)):
        _row(table, what, *(statistics.median(map(of, those)) for those in (ours, empty)))
    return table


def _steps(pairs: Pairs, inside: Mapping[str, float]) -> Table:
    table = Table("of which the program", "CPU seconds")
    for step, seconds in inside.items():
        table.add_row(step, f"{seconds:.2f}")
    rest = _of(_PROGRAM, [pair[0] for pair in pairs]) - sum(inside.values())
    table.add_row("registration of the resources", f"{rest:.2f}")
    return table


def _of(name: str, those: Sequence[Spent]) -> float:
    return statistics.median(spent.programs.get(name, 0.0) for spent in those)


def _row(table: Table, name: str, ours: float, empty: float) -> None:
    table.add_row(name, f"{ours:.2f}", f"{empty:.2f}", f"{ours - empty:.2f}")
