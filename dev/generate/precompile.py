"""Compile the Kubernetes SDK again, without what only readers and type checkers use. Standard library only.

A preview waits for the import of its thousands of generated classes, and for the types of those that it uses. CPU
seconds of what this program imports and asks for:
- Annotations stay text (PEP 563), which the SDK evaluates when it needs one: 0.33 of import become 0.15.
- No docstrings, and no keys in the TypedDicts (the Args as literals, which are not used here): 0.15 become 0.09.
- A property's type is written without the wrappers (`Input[Optional[T]]`) that the SDK takes off again (pulumi 3.272,
  unwrap_type in _types.py), so they are never built: 0.06 of evaluation become 0.02.

Python takes these files because their recorded source is unchanged; without them it compiles its own, and all is as
before, only slower.
"""

import __future__

import ast
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

PACKAGE = "pulumi_kubernetes"
_WRAPPERS = {"Input", "Output", "Optional"}
_NO_DOCSTRINGS = 2


class _Lean(ast.NodeTransformer):
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        if any(isinstance(base, ast.Name) and base.id == "TypedDict" for base in node.bases):
            node.body = [ast.Pass()]
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.returns and not _is_union(plain := _unwrapped(node.returns)):
            node.returns = plain
        return node


def _unwrapped(annotation: ast.expr) -> ast.expr:
    while isinstance(annotation, ast.Subscript) and _name(annotation.value) in _WRAPPERS:
        annotation = annotation.slice
    return annotation


def _is_union(annotation: ast.expr) -> bool:
    """The SDK keeps the wrappers of a union of several types."""
    return isinstance(annotation, ast.Subscript) and _name(annotation.value) == "Union"


def _name(of: ast.expr) -> str:
    return of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""


class _Lightened(SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:
        tree = ast.fix_missing_locations(_Lean().visit(ast.parse(data)))
        flags = __future__.annotations.compiler_flag
        return compile(tree, path, "exec", flags=flags, dont_inherit=True, optimize=_NO_DOCSTRINGS)


def precompile(package: Path) -> int:
    """Write the bytecode of every module below `package`; returns how many there are."""
    sys.dont_write_bytecode = False
    sources = sorted(package.rglob("*.py"))
    for source in sources:
        Path(importlib.util.cache_from_source(source)).unlink(missing_ok=True)
        _Lightened(source.stem, str(source)).get_code(source.stem)
    return len(sources)


if __name__ == "__main__":
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(f"{PACKAGE} is not installed for {sys.executable}")
    print(f"{precompile(Path(spec.origin).parent)} modules of {PACKAGE} compiled")
