"""`make flags`: the long flags of the built llama-server, as the module that plan/ checks a model's `args` against."""

import re
import subprocess
from pathlib import Path

from dev.tools import tools

MODULE = Path("plan/engine/llama_server_flags.py")
# llama.cpp pads an option's head to this column, and breaks the line after a head that does not leave room.
_EXPLANATION, _GAP = 40, "   "


def options(said: str) -> list[tuple[tuple[str, ...], bool]]:
    """Each option of a `--help`: its long names without dashes, and whether it takes a value."""
    heads = (_head(line) for line in said.splitlines() if line.startswith("-") and not line.startswith("-----"))
    return [(names, bool(value)) for names, value in heads if names]


def _head(line: str) -> tuple[tuple[str, ...], str]:
    """`-a,    --alias, --also NAME   explanation` -> (alias, also), NAME."""
    head = line[:_EXPLANATION] if line[_EXPLANATION - len(_GAP) : _EXPLANATION] == _GAP else line
    match = re.match(r"-[\w.-]+(,\s*-[\w.-]+)*", head)
    if match is None:
        raise ValueError(f"llama-server --help has a line of unknown form: {line!r}")
    return tuple(re.findall(r"--([\w.-]+)", match[0])), head[match.end() :].strip()


def build() -> str:
    """Version and commit that llama-server tells of itself."""
    said = _said("--version")
    match = re.search(r"version: (\S+) \(build \d+, commit (\w+)\)", said)
    if match is None:
        raise ValueError(f"llama-server --version is of unknown form: {said!r}")
    return f"{match[1]} ({match[2]})"


def listed() -> list[tuple[tuple[str, ...], bool]]:
    """The options of the built llama-server."""
    return options(_said("--help"))


def module() -> str:
    """The committed module's text."""
    rows = "".join(f"{' '.join(names)}{' =' if value else ''}\n" for names, value in listed())
    return (
        '"""Long flags of llama-server, an option per line, "=" where it takes a value. Written by `make flags`."""\n\n'
        f'BUILD = "{build()}"\nOPTIONS = """\\\n{rows}"""\n'
    )


def _said(flag: str) -> str:
    argv = [tools.path("llama") / "llama-server", flag]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    return ran.stdout + ran.stderr  # the version goes to stderr


if __name__ == "__main__":
    tools.ensure("llama")
    MODULE.write_text(module())
