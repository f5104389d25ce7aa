"""Compile the Kubernetes SDK anew with its annotations kept as text, as PEP 563 has it. Standard library only.

Its generated classes evaluate thousands of type expressions that a run never asks for; kept as text they are evaluated
when the SDK asks, by typing.get_type_hints (pulumi 3.272, _types.py). That halves the import, a tenth of a preview.
Python takes these files because their recorded source is unchanged; without them it compiles its own, and all is as
before, only slower.
"""

import __future__

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

PACKAGE = "pulumi_kubernetes"


class _AnnotationsAsText(SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:
        flags = __future__.annotations.compiler_flag
        return compile(data, path, "exec", flags=flags, dont_inherit=True, optimize=_optimize)


def precompile(package: Path) -> int:
    """Write the bytecode of every module below `package`; returns how many there are."""
    sys.dont_write_bytecode = False
    sources = sorted(package.rglob("*.py"))
    for source in sources:
        Path(importlib.util.cache_from_source(source)).unlink(missing_ok=True)
        _AnnotationsAsText(source.stem, str(source)).get_code(source.stem)
    return len(sources)


if __name__ == "__main__":
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(f"{PACKAGE} is not installed for {sys.executable}")
    print(f"{precompile(Path(spec.origin).parent)} modules of {PACKAGE} compiled")
