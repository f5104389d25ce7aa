"""What happens to weights on the volume that the stack does not name any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plan import config
from plan.base import names
from plan.base.pod_manifests import KeptGeneration, PruneManifest
from plan.base.pod_types import small_program
from plan.kubernetes.arguments import argument
from plan.models.lock import LockedModel
from plan.text.writer import json_text
from plan.weights.volume import MOUNT

RESOURCES = small_program(memory_limit="256Mi")
DEADLINE_S = 3600
TRIES_AGAIN = 1
KEPT_JOBS = 1  # of the finished ones, and of the failed ones


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """A CronJob; `manifest` names what is kept."""

    name: str
    schedule: str
    manifest: str


def plan_prune(stack: config.Stack, locked: Mapping[str, LockedModel]) -> PrunePlan:
    text = manifest(MOUNT, stack.prune.mode, grace_seconds(stack.prune), locked)
    fewer = "Serve fewer models from one stack, or such with fewer parts"
    return PrunePlan(names.PRUNE_CRON_JOB, stack.prune.schedule, argument(text, f"{config.KEY}.models", fewer))


def grace_seconds(prune: config.Prune) -> int:
    return prune.grace_h * 3600


def manifest(
    root: str, mode: Literal["report", "trash", "delete"], grace_s: int, locked: Mapping[str, LockedModel]
) -> str:
    """The manifest of prune: what is below `root`, and which of it is kept."""
    keep = [
        KeptGeneration(id=names.slug(model_id), gen=model.gen, sha256=sorted({file.sha256 for file in model.files}))
        for model_id, model in sorted(locked.items())
    ]
    return json_text(PruneManifest(root=root, mode=mode, grace_s=grace_s, keep=keep))
