"""The committed stack files, completed with machine facts that no test depends on."""

from pathlib import Path
from typing import Any

from plan.config import stack_file
from plan.models import lock

ROOT = Path(__file__).parent.parent
NAMES = stack_file.stack_names(ROOT.glob(stack_file.FILES))
CLUSTER_ID = "11111111-2222-4333-8444-555555555555"
IMAGE = f"llm.local/runtime@sha256:{'a' * 64}"
FACTS = stack_file.Facts(CLUSTER_ID, IMAGE, Path("/srv/models"), "node1")


def raw(stack: str) -> dict[str, Any]:
    """`local-llm:stack` of the committed file, as `make` would complete it."""
    file = ROOT / stack_file.file_name(stack)
    return stack_file.complete(stack_file.configuration(file.read_bytes(), file), FACTS)


def locked() -> lock.Lock:
    return lock.load((ROOT / "models.lock.yaml").read_text())
