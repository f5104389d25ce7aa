"""What commands print: tables and lines in which nothing from outside is markup, and no sign acts on the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from plan.text.show import LINE, plain


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is."""
    return Console(highlight=False, markup=False, emoji=False, stderr=stderr)


def whole(*columns: str) -> Table:
    """A table that wraps a long cell instead of cutting it: a cut key, name or hash is useless."""
    table = Table(*columns)
    for column in table.columns:
        column.overflow = "fold"
    return table


def row(table: Table, *cells: str | Text) -> None:
    """Add a row; a text in it stays on one line of its cell, whatever signs it has. A Text is shown as it is."""
    table.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell, LINE)) for cell in cells))
