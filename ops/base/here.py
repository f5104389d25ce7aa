"""Where the stack files and the lock are, and how a command is typed there.

That is the current directory; `bin/local-llm`, started in another one, says which clone it is of.
"""

import os
import shlex
from pathlib import Path

from plan.base.commands import GIVEN, with_variables

_PROGRAM = "bin/local-llm"
_clone = Path()


def use(clone: Path) -> None:
    """Look in `clone` from now on."""
    global _clone
    _clone = Path() if clone.samefile(Path.cwd()) else clone


def path(name: str) -> Path:
    """A file of the clone: a name where it is the current directory."""
    return _clone / name


def program() -> str:
    """This program, as a person can type it here."""
    return shlex.quote(str(_clone / _PROGRAM))


def typed(text: str) -> str:
    """`text` with commands that can be typed as they stand: from this directory, with what `make` was given."""
    return with_variables(text.replace(_PROGRAM, program()), os.environ.get(GIVEN, ""))
