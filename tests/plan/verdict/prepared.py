"""The changes of a stack whose previews are kept beside this file, each as an edit of stack file and lock."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plan import config
from plan.models.lock import Lock, generation
from plan.plan import Plan, make_plan
from tests import stacks
from tests.plans import TODAY

Raw = dict[str, Any]
IMAGE = "ghcr.io/mostlygeek/llama-swap:v255-cuda-b10600@sha256:" + "3" * 64


@dataclass
class Edited:
    """A stack's configuration and its lock, to edit."""

    raw: Raw
    locked: Lock

    def plan(self) -> Plan:
        return make_plan(config.parse(self.raw), self.locked, TODAY)

    def lock(self, model_id: str, **fields: Any) -> None:
        """Put an entry into the lock, or change one."""
        entry = self.locked.models.get(model_id) or self.locked.models[fields.pop("like")]
        models = {**self.locked.models, model_id: entry.model_copy(update=fields)}
        self.locked = self.locked.model_copy(update={"models": models})


def deployed() -> Edited:
    """What is deployed before each change: the tests' stack t4."""
    return Edited(stacks.raw("t4"), stacks.locked())


def changed(name: str) -> Edited:
    """The same after one of CHANGES."""
    edited = copy.deepcopy(deployed())
    CHANGES[name](edited)
    return edited


def _nothing(_: Edited) -> None:
    pass


def _context(it: Edited) -> None:
    it.raw["models"]["qwen3-8b"]["context"] = 8192


def _added(it: Edited) -> None:
    it.raw["models"]["gemma-3-270m-q4"] = {"repo": "local/gemma-3-270m-GGUF", "quant": "Q4_K_M", "context": 4096}


def _removed(it: Edited) -> None:
    del it.raw["models"]["minicpm-v-4-5"]


def _renamed(it: Edited) -> None:
    it.raw["models"]["qwen3vl-small"] = it.raw["models"].pop("qwen3vl-4b")
    it.lock("qwen3vl-small", like="qwen3vl-4b")


def _quant(it: Edited) -> None:
    it.raw["models"]["qwen3-8b"]["quant"] = "Q5_K_M"
    entry = it.locked.models["qwen3-8b"]
    file = entry.files[0].model_copy(
        update={"path": "Qwen3-8B-Q5_K_M.gguf", "size": 5851112224, "sha256": "5" * 64},
    )
    shape = entry.gguf.shape.model_copy(update={"file_type": 17})
    assert entry.gguf.weights
    weights = entry.gguf.weights.model_copy(update={"gpu_bytes": 5417000000, "input_bytes": 427851776})
    gguf = entry.gguf.model_copy(update={"shape": shape, "weights": weights})
    it.lock("qwen3-8b", quant="Q5_K_M", files=(file,), gguf=gguf, gen=generation((file,)))


def _ttl(it: Edited) -> None:
    it.raw["server"]["ttl_s"] = 900


def _image(it: Edited) -> None:
    it.raw["server"]["image"] = IMAGE


def _immich_ttl(it: Edited) -> None:
    it.raw["immich"]["model_ttl_s"] = 900


def _peak(it: Edited) -> None:
    it.raw["gpu"]["tenants"]["immich-ml"]["peak_mib"] = 3500


def _size(it: Edited) -> None:
    it.raw["volume"]["size_gib"] = 60


def _prune(it: Edited) -> None:
    it.raw["prune"] = {"mode": "delete", "grace_h": 48}


def _claim(it: Edited) -> None:
    it.raw["volume"] = {"name": "theirs", "existing_claim": True}


def _without_immich(it: Edited) -> None:
    del it.raw["immich"]


def _cluster(it: Edited) -> None:
    it.raw["cluster"]["id"] = "00000000-0000-4000-8000-000000000000"


def _path(it: Edited) -> None:
    it.raw["volume"]["nfs"]["path"] = "/srv/elsewhere"


FIRST = "first-preview"  # of the stack as it is, before anything is deployed
CHANGES: dict[str, Callable[[Edited], None]] = {
    FIRST: _nothing,
    "nothing": _nothing,
    "context-of-a-model": _context,
    "model-added": _added,
    "model-removed": _removed,
    "model-renamed": _renamed,
    "quant-of-a-model": _quant,
    "ttl": _ttl,
    "image": _image,
    "ttl-of-immich": _immich_ttl,
    "peak-of-a-tenant": _peak,
    "size-of-the-volume": _size,
    "prune-mode": _prune,
    "path-of-the-volume": _path,
    "claim-instead-of-volume": _claim,
    "without-immich": _without_immich,
    "another-cluster": _cluster,
}
