"""The parts of the documents that the code itself can tell: configuration keys and defaults, cards, rooms, directions.

`python -m dev.generate.docs` writes them between their marks (`<!-- generated: NAME -->`), `--check` only compares.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from dev.generate import cards, config_reference, rooms

ROOT = Path(__file__).resolve().parents[2]
PARTS: dict[str, Callable[[], str]] = {
    "cards": cards.table,
    "configuration": config_reference.summary,
    "reference": config_reference.reference,
    "directions": rooms.picture,
    "rooms": rooms.table,
}
FILES = ("README.md", "docs/architecture.md", "docs/cards.md", "docs/configuration.md")
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(text: str) -> str:
    """The document with each generated part as the code tells it now; raises KeyError for a part that is not known."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}{part[3]}", text)


def stale() -> Iterator[Path]:
    """The documents whose generated parts differ from what the code tells."""
    for name in FILES:
        file = ROOT / name
        if rendered(file.read_text()) != file.read_text():
            yield file


def main(arguments: list[str]) -> int:
    files = list(stale())
    if arguments == ["--check"]:
        for file in files:
            sys.stderr.write(f"{file.relative_to(ROOT)} differs from the code\n  next: make docs\n")
        return 1 if files else 0
    for file in files:
        file.write_text(rendered(file.read_text()))
        print(f"wrote {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
