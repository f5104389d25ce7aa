"""Makes the cluster's Node objects and waits until they are ready.

A kubelet or kwok fills in the rest. The GPU is an extended resource without a device, which only the scheduler counts.
There are two played nodes, as an operator has them: the one with the card keeps others off by a taint.
"""

import json
import platform
from datetime import UTC, datetime
from typing import Any

from dev.cluster.kubectl import apply, kubectl
from dev.machine import daemons
from dev.machine.daemons import Daemon
from dev.machine.instance import NODE_IP, Instance

NODE = "node-1"  # the real one
# Played ones, as the operator names them: with the card, and without.
CARD, PLAIN = "k8s-node1", "k8s-node2"
GPU = {"nvidia.com/gpu": "100"}  # time slices of one card
GPU_LABEL = {"nvidia.com/gpu.present": "true"}
TAINT = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}  # of the played node with the card
PLAYED = {"kwok.x-k8s.io/node": "fake"}
# What a played node offers besides; a real one's kubelet measures its own.
_PLAYED_SIZE = {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "500Gi", "pods": "110"}
_PLAIN_IP = "10.77.0.2"  # nothing listens there, as on the other one
# NoExecute does not matter: every pod is given a toleration of it for five minutes.
_KEPT_OFF = {(f"node.kubernetes.io/{why}", "NoSchedule") for why in ("not-ready", "unreachable")}
_EPOCH = datetime.fromtimestamp(0, UTC)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

Object = dict[str, Any]


def register(instance: Instance, *, played: bool) -> None:
    """Make the Node objects, or put back their labels, taints and GPU. Raises DevError."""
    found = _found(instance)
    for wanted in _played() if played else [_node(NODE, GPU_LABEL, GPU)]:
        existing = found.get(wanted["metadata"]["name"])
        if existing is None:
            # One request, status and all; an apply asks the server first what it serves and needs a second for the
            # status.
            kubectl(instance, "create", "--raw", "/api/v1/nodes", "--filename=-", stdin=json.dumps(wanted))
        else:
            _mend(instance, existing, wanted)


def _found(instance: Instance) -> dict[str, Object]:
    items = json.loads(kubectl(instance, "get", "--raw", "/api/v1/nodes"))["items"]
    return {node["metadata"]["name"]: node for node in items}


def _mend(instance: Instance, existing: Object, wanted: Object) -> None:
    described = {key: value for key, value in wanted.items() if key != "status"}
    taints: list[Object] = existing["spec"].get("taints", [])
    labelled = wanted["metadata"]["labels"].items() <= existing["metadata"]["labels"].items()
    if not (labelled and all(taint in taints for taint in wanted["spec"].get("taints", []))):
        apply(instance, described)
    offered: dict[str, str] = existing.get("status", {}).get("allocatable", {})
    if not wanted["status"]["allocatable"].items() <= offered.items():
        apply(instance, {**wanted, "metadata": {"name": wanted["metadata"]["name"]}}, status=True)


def _played() -> list[Object]:
    card = _node(CARD, GPU_LABEL, {**_PLAYED_SIZE, **GPU}, PLAYED, [TAINT])
    plain = _node(PLAIN, {}, _PLAYED_SIZE, PLAYED)
    for node, address in ((card, NODE_IP), (plain, _PLAIN_IP)):
        # Both kinds, or kwok would remove what is there.
        known = {"InternalIP": address, "Hostname": node["metadata"]["name"]}
        node["status"]["addresses"] = [{"type": kind, "address": value} for kind, value in known.items()]
    return [card, plain]


def _node(
    name: str,
    labels: dict[str, str],
    size: dict[str, str],
    annotations: dict[str, str] | None = None,
    taints: list[dict[str, str]] | None = None,
) -> Object:
    machine = platform.machine()
    named = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": _ARCHITECTURES.get(machine, machine),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**named, **labels}, "annotations": annotations or {}},
        "spec": {"taints": taints} if taints else {},
        "status": {"capacity": size, "allocatable": size},
    }


def wait_ready(kubelet: Daemon, since: datetime) -> None:
    """Wait until the kubelet has reported the node ready at or after `since`: an earlier report outlives its writer."""
    daemons.wait_for("the node", lambda: _all_ready(kubelet.instance, NODE, since=since), kubelet)


def wait_played(kwok: Daemon) -> None:
    """Wait until the played nodes are ready. An earlier report counts too: a healthy kwok does not repeat it."""
    daemons.wait_for("a played node", lambda: _all_ready(kwok.instance, CARD, PLAIN), kwok)


def _all_ready(instance: Instance, *names: str, since: datetime = _EPOCH) -> bool:
    found = _found(instance)
    return all(name in found and _is_ready(found[name], since) for name in names)


def _is_ready(node: Object, since: datetime) -> bool:
    """Whether the node reported so since then, and the controller has let pods come."""
    kept_off = any((taint["key"], taint["effect"]) in _KEPT_OFF for taint in node["spec"].get("taints", []))
    return not kept_off and any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and datetime.strptime(condition["lastHeartbeatTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) >= since
        for condition in node.get("status", {}).get("conditions", [])
    )
