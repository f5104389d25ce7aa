"""Finds what the program's messages advise: commands, keys and documents that its texts name."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.stacks import ROOT

ROOMS = ("plan", "observe", "components", "ops", "pods", "dev")
FILLED = "X"  # stands for what is put in at run time
_VERBS = {
    "make": "(?:-s )?(?:" + "|".join(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)) + ")",
    "kubectl": "get|describe|logs|delete|create|apply|wait|rollout|config|patch|label|annotate|scale|set|uncordon",
    "pulumi": "up|preview|cancel|import|destroy|stack|refresh",
}
# Outside backquotes only where a command is plainly meant: what follows the program is one of its verbs.
_BARE = re.compile(
    r"(?:^|[:;,] |\()\s*((?:\.venv/bin/python -m \S+|bin/local-llm [a-z]+|"
    + "|".join(f"{name} (?:{verbs})" for name, verbs in _VERBS.items())
    + r")(?![\w'])[^;,\n`]*)",
    re.M,
)


class Text(NamedTuple):
    """A text of the program, and where it is."""

    place: str
    said: str


class Hint(NamedTuple):
    """A piece of a text that a person may type; `quoted`: it stands in backquotes."""

    place: str
    said: str
    quoted: bool = True


def texts(rooms: tuple[str, ...] = ROOMS) -> Iterator[Text]:
    """Every text in the sources but the docstrings; an f-string with FILLED for each value."""
    files = [file for room in rooms for file in sorted((ROOT / room).rglob("*.py"))]
    for file in [*files, ROOT / "__main__.py"]:
        tree = ast.parse(file.read_text())
        skipped = {id(it) for it in ast.walk(tree) for it in _no_message(it)}
        for node in ast.walk(tree):
            if id(node) not in skipped and (said := _text(node)):
                yield Text(f"{file.relative_to(ROOT)}", said)


def hints(rooms: tuple[str, ...] = ROOMS) -> Iterator[Hint]:
    """What stands in backquotes, and the commands that stand without them."""
    for place, said in texts(rooms):
        for quoted in re.findall(r"`([^`\n]+)`", said):
            yield Hint(place, quoted.strip())
        for bare in _BARE.findall(re.sub(r"`[^`\n]+`", "", said)):
            yield Hint(place, bare.strip(" ."), quoted=False)


def _no_message(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node is no message of its own: a docstring, and the parts of an f-string."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
        first = node.body[0]
        if isinstance(first, ast.Expr):
            yield first.value
    if isinstance(node, ast.JoinedStr):
        yield from node.values


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{\w+\}", FILLED, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(it.value) if isinstance(it, ast.Constant) else FILLED for it in node.values)
    return ""
