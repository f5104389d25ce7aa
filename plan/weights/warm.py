"""Which weights are read ahead into the page cache of the server's node, and within which memory."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.base import names
from plan.base.pod_manifests import WarmedFile, WarmedModel, WarmManifest
from plan.base.pod_types import Resources, small_program
from plan.kubernetes.quantity import mib_quantity
from plan.models.lock import LockedModel
from plan.text.writer import json_text
from plan.weights.space import stored_bytes
from plan.weights.volume import MOUNT

WARM_FILE = "warm.json"
_OWN_MIB = 256  # the program itself, and what it leaves free of its limit
_REST_MIB = 1024  # what kubelet, system and other pods need at least


@dataclass(frozen=True, slots=True)
class WarmPlan:
    """A sidecar of the server. The page cache it fills is charged to it, hence a limit the size of the weights."""

    manifest: str
    resources: Resources


def plan_warm(stack: config.Stack, locked: Mapping[str, LockedModel]) -> tuple[WarmPlan | None, tuple[str, ...]]:
    """The sidecar, or None and why not, for the preview."""
    memory_gib = stack.gpu.node.memory_gib
    key = f"{config.KEY}.gpu.node.memory_gib"
    if memory_gib is None:
        return None, (f"Weights are read from the volume when they are asked for: {key}, the node's RAM, is not set.",)
    needed_mib = math.ceil(stored_bytes(locked) / 2**20) + _OWN_MIB
    free_mib = memory_gib * 1024 - stack.server.memory_limit_mib - _REST_MIB
    if needed_mib > free_mib:
        beside = f"beside the server's {stack.server.memory_limit_mib}"
        what = f"{needed_mib} MiB of weights do not fit the {memory_gib} GiB of {key} {beside}"
        return None, (f"Weights are not read ahead: {what}.",)
    return WarmPlan(_manifest(stack, locked), small_program("64Mi", mib_quantity(needed_mib))), ()


def _manifest(stack: config.Stack, locked: Mapping[str, LockedModel]) -> str:
    models = [
        _warmed(model_id, model, stack.models[model_id].warm_priority) for model_id, model in sorted(locked.items())
    ]
    return json_text(WarmManifest(root=MOUNT, listen=names.WARM_PORT, models=models))


def _warmed(model_id: str, model: LockedModel, priority: int) -> WarmedModel:
    files = [WarmedFile(link=file.link, size=file.size, sha256=file.sha256) for file in model.files]
    warmed = WarmedModel(id=names.slug(model_id), gen=model.gen, priority=priority, files=files)
    if warmed["id"] != model_id:
        warmed["model"] = model_id
    return warmed
