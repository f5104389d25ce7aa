"""How large a file, a function and a room may become before somebody has to divide it."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.stacks import ROOT

ROOMS = ("plan", "observe", "components", "ops", "dev", "pods", "bench", "tests")
FILE_LINES, MEDIAN_LINES, FUNCTION_LINES, MODULES = 300, 120, 40, 12


def files() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def test_no_file_is_longer_than_one_sitting_and_the_median_is_much_shorter() -> None:
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files()}

    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}
    assert statistics.median(lines.values()) <= MEDIAN_LINES


def test_no_function_outside_the_tests_is_longer_than_a_screen() -> None:
    long = {
        f"{file.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for file in files()
        if file.relative_to(ROOT).parts[0] != "tests"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    }

    assert long == {}


def test_no_package_has_more_modules_than_a_reader_keeps_in_mind() -> None:
    packages: dict[str, int] = {}
    for file in files():
        if file.name != "__init__.py":
            package = str(file.parent.relative_to(ROOT))
            packages[package] = packages.get(package, 0) + 1

    assert {name: count for name, count in packages.items() if count > MODULES} == {}


def test_no_package_hides_code_in_its_init_file() -> None:
    """A docstring and, as a front door, imports of what is inside: nothing else is looked for there."""
    allowed = (ast.Expr, ast.ImportFrom, ast.Assign)
    hidden = {
        str(file.relative_to(ROOT))
        for file in files()
        if file.name == "__init__.py"
        for node in ast.parse(file.read_text()).body
        if not isinstance(node, allowed)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) != "__all__")
        or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
    }

    assert hidden == set()
