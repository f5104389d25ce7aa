"""models.lock.yaml in the current directory."""

from pathlib import Path

from ops.base.errors import OpsError
from plan import config
from plan.models import lock as locks
from plan.models.lock import Lock, LockedModel
from plan.plan import locked_models

LOCK_FILE = Path("models.lock.yaml")


def read() -> Lock:
    """The lock, without models where there is no file yet; raises ConfigError."""
    return locks.load(LOCK_FILE.read_text()) if LOCK_FILE.exists() else Lock(version=1, models={})


def locked(stack: config.Stack) -> dict[str, LockedModel]:
    """The stack's models in the lock; raises OpsError without a lock, ConfigError where a model differs from it."""
    if not LOCK_FILE.exists():
        raise OpsError(f"there is no {LOCK_FILE} here", "run this in the repository's root, or `python -m ops lock`")
    return locked_models(stack, read())
