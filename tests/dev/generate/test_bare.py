"""What a pod gets of a program: everything that runs, in the lines where it was."""

import ast
from pathlib import Path

import pytest

from dev.generate.bare import bare

PODS = Path(__file__).resolve().parents[3] / "pods"
PROGRAM = b'''"""What it is for."""

# Why it is so.
MARK = "# no comment"  # but this is


class Refused(Exception):
    """Says nothing else."""


def told(what: str) -> str:
    """Two lines,

    and a third.
    """
    return f"""{what} {MARK}"""
'''


def without_docstrings(source: bytes) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            _cut(node)
    return tree


def _cut(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> None:
    """Take the first statement away; where nothing is left, the end of the node went with it."""
    del node.body[0]
    if not node.body and not isinstance(node, ast.Module):
        node.end_lineno, node.end_col_offset = node.lineno, 0


def test_comments_and_docstrings_go_and_the_lines_stay() -> None:
    lines = bare(PROGRAM).decode().splitlines()

    assert {number: line for number, line in enumerate(lines, start=1) if line} == {
        4: 'MARK = "# no comment"',
        7: "class Refused(Exception):",
        8: "    ...",
        11: "def told(what: str) -> str:",
        16: '    return f"""{what} {MARK}"""',
    }


@pytest.mark.parametrize("program", sorted(PODS.rglob("*.py")), ids=lambda path: path.name)
def test_every_program_of_the_pods_is_the_same_program(program: Path) -> None:
    source = program.read_bytes()
    expected, found = without_docstrings(source), ast.parse(bare(source))
    for node in ast.walk(found):  # what stands for a docstring that was all there was
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.unparse(node.body[0]) == "...":
            _cut(node)

    assert ast.dump(found, include_attributes=True) == ast.dump(expected, include_attributes=True)
