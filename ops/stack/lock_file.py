"""models.lock.yaml, where the stack files are."""

import os
from collections.abc import Collection
from pathlib import Path

from ops.base import files, here
from ops.base.errors import OpsError, reason
from plan import config
from plan.models import lock as locks
from plan.models.agreement import locked_models
from plan.models.lock import Lock, LockedModel


def path() -> Path:
    """Where the lock is, or would be."""
    return here.path(locks.LOCK_FILE)


def read(but: Collection[str] = ()) -> Lock:
    """The lock, all models `but` these, none where there is no file yet; raises OpsError, TextError or ConfigError."""
    return locks.load(_content(), but)


def _content() -> bytes:
    try:
        return files.read(path()) if os.path.lexists(path()) else b""
    except OSError as error:
        raise OpsError(f"{path()}: {reason(error)}", "make it a file that you may read") from None


def locked(stack: config.Stack) -> dict[str, LockedModel]:
    """The stack's models in the lock; raises OpsError without a lock, ConfigError where a model differs from it."""
    if not os.path.lexists(path()):
        raise OpsError(f"there is no {path()} here", "run `bin/local-llm lock`, which writes it")
    return locked_models(stack.models, read())
