"""What becomes of weights on the volume that the stack names no more."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.lock import LockedModel
from plan.volume import MOUNT

CRON_JOB = "prune-weights"


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """A CronJob; `manifest` names what is kept."""

    name: str
    schedule: str
    manifest: str


def plan_prune(stack: config.Stack, locked: Mapping[str, LockedModel]) -> PrunePlan:
    keep = [
        {"id": model_id, "gen": model.gen, "sha256": sorted({file.sha256 for file in model.files})}
        for model_id, model in sorted(locked.items())
    ]
    order = {"root": MOUNT, "mode": stack.prune.mode, "grace_s": stack.prune.grace_h * 3600, "keep": keep}
    return PrunePlan(CRON_JOB, stack.prune.schedule, json.dumps(order, indent=1, sort_keys=True) + "\n")
