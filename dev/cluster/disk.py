"""Refuses to start on a disk that is too full, and says what could be freed."""

import contextlib
import os
import shutil
from pathlib import Path

from dev.machine.instance import CACHE, STATE
from dev.machine.steps import DevError

NEEDED_GIB = 5.0  # images, two models, the cluster's and Postgres' data, with a margin
BUILD_GIB = 15.0  # besides: Go's module and build caches (7.7 GiB after a first run), the tools and their scratch space
_GIB = 1 << 30


def require_space(*paths: Path, needed_gib: float = NEEDED_GIB) -> None:
    """Raise DevError when the disk under one of `paths` (they need not exist) has less than `needed_gib` free."""
    for path in paths or (STATE, CACHE):
        existing = next(place for place in (path, *path.parents) if place.exists())
        free_gib = shutil.disk_usage(existing).free / _GIB
        if free_gib < needed_gib:
            ours = " and ".join(f"{_size_gib(place):.1f} GiB in {place}" for place in (STATE, CACHE))
            raise DevError(
                f"the disk under {path} is too full: {free_gib:.1f} GiB free, {needed_gib:.1f} GiB needed",
                f"free some space, of which we have {ours}; `make clean` removes models and state",
            )


def _size_gib(directory: Path) -> float:
    """What the directory takes; files come and go meanwhile, so what is gone counts for nothing."""
    blocks = 0
    for place, _, files in os.walk(directory):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                blocks += os.lstat(os.path.join(place, name)).st_blocks
    return blocks * 512 / _GIB
