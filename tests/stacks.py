"""The tests' own stacks, in tests/example with a lock of their own: an operator who edits a stack breaks none of them.

They are read with machine facts filled in that no test depends on. tests/committed.py reads the operator's stacks.
"""

from pathlib import Path
from typing import Any

from plan.config import stack_file
from plan.models import lock

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "tests" / "example"  # links beside the stacks lead to the program, which reads the lock next to it
NAMES = ("cpu", "disk", "t4")
CLUSTER_ID = "11111111-2222-4333-8444-555555555555"
IMAGE = f"llm.local/runtime@sha256:{'a' * 64}"
FACTS = stack_file.Facts(CLUSTER_ID, IMAGE, Path("/srv/models"), "node1")


def raw(stack: str) -> dict[str, Any]:
    """`local-llm:stack` of one of NAMES, as `make` would complete it."""
    return completed(EXAMPLE / f"Pulumi.{stack}.yaml")


def locked() -> lock.Lock:
    return lock.load((EXAMPLE / "models.lock.yaml").read_text())


def completed(file: Path) -> dict[str, Any]:
    """`local-llm:stack` of a stack file with the facts of a machine."""
    return stack_file.complete(stack_file.configuration(file.read_bytes(), file), FACTS)
