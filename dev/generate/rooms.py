"""The rooms of the house as Markdown: what each package says of itself, and who may import whom by the contracts."""

import ast
import itertools
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ("plan", "observe", "components", "ops", "dev")


def table() -> str:
    """A row for each package below the five of the house: its name, its docstring's first sentence."""
    rows = ["| room | what it is about |", "|---|---|"]
    for package in HOUSE:
        files = sorted((ROOT / package).rglob("__init__.py"), key=lambda file: file.parent.parts)
        rows += [f"| `{file.parent.relative_to(ROOT)}/` | {_about(file)} |" for file in files]
    return "\n".join(rows) + "\n"


def picture() -> str:
    """A Mermaid picture of the layers: an arrow from each layer to the next one that it may import."""
    outer, inner = _layers()
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"  {name}" for layer in outer for name in layer if name != "plan"]
    lines += ['  subgraph plan["plan: pure decisions"]', "    direction TD"]
    lines += [f"    p_{name}[{name}]" for layer in inner for name in layer]
    lines += [f"    {arrow}" for arrow in _arrows(inner, "p_")]
    lines += ["  end", *(f"  {arrow}" for arrow in _arrows(outer, "")), "```"]
    return "\n".join(lines) + "\n"


def _layers() -> tuple[list[list[str]], list[list[str]]]:
    """The layers of the packages and those of plan/, the highest first."""
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = [it for it in settings["tool"]["importlinter"]["contracts"] if it["type"] == "layers"]
    outer = next(it["layers"] for it in contracts if "containers" not in it)
    inner = next(it["layers"] for it in contracts if it.get("containers") == ["plan"])
    return [[name.strip() for name in layer.split("|")] for layer in outer], [
        [name.strip() for name in layer.split("|")] for layer in inner
    ]


def _arrows(layers: list[list[str]], prefix: str) -> list[str]:
    return [
        f"{prefix}{above} --> {prefix}{below}"
        for higher, lower in itertools.pairwise(layers)
        for above in higher
        for below in lower
    ]


def _about(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return " ".join(text.split("\n\n")[0].split())
