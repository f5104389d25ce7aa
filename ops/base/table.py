"""Tables for a terminal."""

from rich.table import Table


def whole(*columns: str) -> Table:
    """A table that wraps a long cell instead of cutting it: a cut key, name or hash is useless."""
    table = Table(*columns)
    for column in table.columns:
        column.overflow = "fold"
    return table
