"""The stacks in the repository's root, which operators edit; only the tests that hold these very files read them."""

from typing import Any

from plan.models import lock
from tests import stacks

ROOT = stacks.ROOT
NAMES = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))


def raw(stack: str) -> dict[str, Any]:
    """`local-llm:stack` of the stack, as `make` would complete it."""
    return stacks.completed(ROOT / f"Pulumi.{stack}.yaml")


def locked() -> lock.Lock:
    return lock.load((ROOT / "models.lock.yaml").read_text())
