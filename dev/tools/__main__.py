"""`python -m dev.tools`: prints a table of the tools; with names it makes those ready."""

import sys

from dev.machine.steps import DevError
from dev.tools import tools
from dev.tools.catalog import TOOLS


def main(names: list[str]) -> int:
    try:
        if names:
            tools.ensure(*names)
        _table(tuple(names) or tools.NAMES)
    except DevError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _table(names: tuple[str, ...]) -> None:
    for name in names:
        place, tool = tools.find(name), TOOLS.get(name)
        ours = tool is not None and place == tool.directory
        state = "missing" if place is None else "built" if ours else "installed"
        version = tool.version if tool and (ours or place is None) else "-"
        sys.stdout.write(f"{name:12} {version:10} {state:10} {place or ''}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
