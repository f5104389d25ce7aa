"""The configurations of the tests and what becomes of them; `make golden` writes it, read the diff."""

from pathlib import Path
from typing import Any

import yaml

from ops.adopt.adoption import Adoption, adopt
from ops.adopt.draft import Draft
from ops.adopt.llama_swap import document
from ops.adopt.text import piece
from plan.text.errors import Source

HERE = Path(__file__).parent
CONFIGS = sorted((HERE / "configs").glob("*.yaml"))
GOLDENS = HERE / "goldens"


def adopted(content: object, repos: dict[str, str] | None = None, taken: dict[str, str] | None = None) -> Adoption:
    """What becomes of a configuration: a file's bytes, or plain values."""
    encoded = content if isinstance(content, bytes) else yaml.safe_dump(content, sort_keys=False).encode()
    return adopt(document.read(encoded, Source("config.yaml", "correct the file")), repos or {}, taken or {})


def one(command: str, rest: dict[str, Any] | None = None, **keys: Any) -> Draft:
    """The draft of the one model `x` with this command, these keys, and `rest` beside the models."""
    (draft,) = adopted({"models": {"x": {"cmd": command, **keys}}, **(rest or {})}).drafts
    return draft


def text_of(file: Path) -> str:
    """The piece that is printed for one of CONFIGS."""
    lines = piece(adopted(file.read_bytes()), file.name)
    return "\n".join(["models:", *(f"  {line}" for line in lines), ""])


def goldens() -> dict[Path, str]:
    """The content of every file in GOLDENS."""
    return {GOLDENS / file.name: text_of(file) for file in CONFIGS}
