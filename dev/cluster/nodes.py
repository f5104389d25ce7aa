"""The cluster's one Node object: who it is, the GPU it claims to have, and when it is ready.

A kubelet or kwok fills in the rest. The GPU is an extended resource without a device: the scheduler counts it, nothing
else happens.
"""

import platform
from datetime import UTC, datetime
from typing import Any

from dev import daemons
from dev.cluster.kubectl import apply, find
from dev.instance import Instance

NODE = "node-1"
GPU = {"nvidia.com/gpu": "100"}  # time slices of one card
PLAYED = {"kwok.x-k8s.io/node": "fake"}
# What a played node offers besides; a real one's kubelet measures its own.
_PLAYED_SIZE = {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "500Gi", "pods": "110"}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def register(instance: Instance, *, played: bool) -> None:
    """Make the Node object, or mend its labels and its GPU when somebody changed them. Raises DevError."""
    size = {**(_PLAYED_SIZE if played else {}), **GPU}
    labels = {
        "kubernetes.io/hostname": NODE,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "nvidia.com/gpu.present": "true",
    }
    identity = {"apiVersion": "v1", "kind": "Node"}
    found = find(instance, "node", NODE)
    if found is None or not labels.items() <= found["metadata"]["labels"].items():
        annotations = PLAYED if played else {}
        apply(instance, {**identity, "metadata": {"name": NODE, "labels": labels, "annotations": annotations}})
    offered = {} if found is None else found.get("status", {}).get("allocatable", {})
    if not size.items() <= offered.items():
        status = {"capacity": size, "allocatable": size}
        apply(instance, {**identity, "metadata": {"name": NODE}, "status": status}, status=True)


def wait_ready(instance: Instance, daemon: str, since: datetime) -> None:
    """Wait until `daemon` has reported the node ready at or after `since`: an earlier report outlives its writer."""
    daemons.wait_for("the node", lambda: _ready(find(instance, "node", NODE), since), instance, daemon)


def _ready(node: dict[str, Any] | None, since: datetime) -> bool:
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and datetime.strptime(condition["lastHeartbeatTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) >= since
        for condition in conditions
    )
