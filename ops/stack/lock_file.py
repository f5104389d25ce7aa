"""models.lock.yaml in the current directory."""

import os
from collections.abc import Collection
from pathlib import Path

from ops.base import files
from ops.base.errors import OpsError, reason
from plan import config
from plan.models import lock as locks
from plan.models.agreement import locked_models
from plan.models.lock import Lock, LockedModel

LOCK_FILE = Path(locks.LOCK_FILE)


def read(but: Collection[str] = ()) -> Lock:
    """The lock, all models `but` these, none where there is no file yet; raises OpsError, TextError or ConfigError."""
    return locks.load(_content(), but)


def _content() -> bytes:
    try:
        return files.read(LOCK_FILE) if os.path.lexists(LOCK_FILE) else b""
    except OSError as error:
        raise OpsError(f"{LOCK_FILE}: {reason(error)}", "make it a file that you may read") from None


def locked(stack: config.Stack) -> dict[str, LockedModel]:
    """The stack's models in the lock; raises OpsError without a lock, ConfigError where a model differs from it."""
    if not os.path.lexists(LOCK_FILE):
        raise OpsError(f"there is no {LOCK_FILE} here", "run this in the repository's root, or `python -m ops lock`")
    return locked_models(stack.models, read())
