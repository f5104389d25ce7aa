"""The committed stack files, completed with machine facts that no test depends on."""

import copy
from pathlib import Path
from typing import Any

import yaml

from plan import config
from plan.models import lock

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))
CLUSTER_ID = "11111111-2222-4333-8444-555555555555"
IMAGE = f"llm.local/runtime@sha256:{'a' * 64}"


def raw(stack: str) -> dict[str, Any]:
    """`local-llm:stack` of the committed file, as `make` would complete it."""
    written = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"][config.KEY]
    value = copy.deepcopy(written)
    value.setdefault("cluster", {"id": CLUSTER_ID})
    value["server"].setdefault("image", IMAGE)
    value.setdefault("fetch", {}).setdefault("image", IMAGE)
    if not value["volume"].keys() & {"nfs", "local", "existing_claim"}:
        value["volume"]["local"] = {"path": "/srv/models", "node": "node1"}
    return value


def locked() -> lock.Lock:
    return lock.load((ROOT / "models.lock.yaml").read_text())
