"""`make flags`: the flags of the built llama-server, as the module that plan/ checks a model's `args` against."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from dev.tools import tools

MODULE = Path("plan/engine/llama_server_flags.py")
# llama.cpp pads an option's head to this column, and breaks the line after a head that does not leave room.
_EXPLANATION, _GAP = 40, "   "
_VARIABLE = re.compile(r"\(env: (\w+)\)")


class Listed(NamedTuple):
    """An option of `--help`: how it may be spelled, in its order, whether it takes a value, and its variable or ""."""

    spellings: tuple[str, ...]
    takes_value: bool
    variable: str

    @property
    def names(self) -> tuple[str, ...]:
        """Its long names, without dashes."""
        return tuple(spelled[2:] for spelled in self.spellings if spelled.startswith("--"))

    @property
    def row(self) -> str:
        """Its line of the module: long names lose their dashes there, short ones keep theirs."""
        words = [*(spelled.removeprefix("--") for spelled in self.spellings), *("=" * self.takes_value), self.variable]
        return " ".join(words).strip()


def options(said: str) -> list[Listed]:
    """Each option of a `--help` that has a long name."""
    found = list[Listed]()
    for line in said.splitlines():
        if line.startswith("-") and not line.startswith("-----"):
            found.append(_head(line))
        elif found and (variable := _VARIABLE.search(line)):
            found[-1] = found[-1]._replace(variable=variable[1])
    return [option for option in found if option.names]


def _head(line: str) -> Listed:
    """`-a,    --alias, --also NAME   explanation` -> -a, --alias and --also, with a value."""
    head = line[:_EXPLANATION] if line[_EXPLANATION - len(_GAP) : _EXPLANATION] == _GAP else line
    match = re.match(r"-[\w.-]+(,\s*-[\w.-]+)*", head)
    if match is None:
        raise ValueError(f"llama-server --help has a line of unknown form: {line!r}")
    variable = _VARIABLE.search(line)
    spellings = tuple(re.findall(r"-[\w.-]+", match[0]))
    return Listed(spellings, bool(head[match.end() :].strip()), variable[1] if variable else "")


def build() -> str:
    """Version and commit that llama-server tells of itself."""
    said = _said("--version")
    match = re.search(r"version: (\S+) \(build \d+, commit (\w+)\)", said)
    if match is None:
        raise ValueError(f"llama-server --version is of unknown form: {said!r}")
    return f"{match[1]} ({match[2]})"


def listed() -> list[Listed]:
    """The options of the built llama-server."""
    return options(_said("--help"))


def module() -> str:
    """The committed module's text."""
    rows = "".join(f"{option.row}\n" for option in listed())
    return (
        '"""llama-server\'s options, "=" where one takes a value, then its variable. Written by `make flags`."""\n\n'
        f'BUILD = "{build()}"\nOPTIONS = """\\\n{rows}"""\n'
    )


def _said(flag: str) -> str:
    argv = [tools.path("llama") / "llama-server", flag]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    return ran.stdout + ran.stderr  # the version goes to stderr


if __name__ == "__main__":
    tools.ensure("llama")
    MODULE.write_text(module())
