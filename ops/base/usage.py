"""Tells a wrong command line: without a secret that was typed into it, and without a sign that acts on a terminal."""

from collections.abc import Sequence

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from ops.base import here
from plan.text.errors import in_words
from plan.text.show import LINE, lines, plain, show


def tell(error: TyperException, arguments: Sequence[str]) -> None:
    """Print it as any other error of a command; `arguments` are those that it may quote."""
    if isinstance(error.__cause__, ValidationError):
        first = error.__cause__.errors()[0]
        error.message = f"got {show(first['input'])}; {in_words(first, 'it has to be')}"
    if not (message := error.format_message()):
        return  # no argument at all: the help is printed already
    # Whole arguments first: a password may have spaces, and a line is looked through word by word.
    for typed in sorted({part for it in arguments for part in (it, it.partition("=")[2]) if part}, key=len)[::-1]:
        for spelling in (typed, repr(typed)[1:-1]):
            message = message.replace(spelling, plain(spelling, LINE))
    context = getattr(error, "ctx", None)
    usage, command = (f"{context.get_usage()}\n", context.command_path) if context else ("", here.program())
    typer.echo(lines(f"{usage}error: {message}\n  next: {command} --help says what it takes"), err=True)
