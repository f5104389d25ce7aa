"""The stacks in the repository's root, which operators edit; only the tests that hold these very files read them."""

from typing import Any

from plan.config import stack_file
from plan.models import lock
from tests import stacks

ROOT = stacks.ROOT
NAMES = stack_file.stack_names(ROOT.glob(stack_file.FILES))


def raw(stack: str) -> dict[str, Any]:
    """`local-llm:stack` of the stack, as `make` would complete it."""
    return stacks.completed(ROOT / stack_file.file_name(stack))


def locked() -> lock.Lock:
    return lock.load((ROOT / "models.lock.yaml").read_text())
