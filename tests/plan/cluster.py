"""A cluster's answer to plan/live/kubectl_answer.py, as kubectl would print it."""

from collections.abc import Mapping, Sequence

UID = "11111111-2222-4333-8444-555555555555"
CARD = {"nvidia.com/gpu.present": "true"}
GPUMEM, SLICE = "viktorbarzin.me/gpumem", "nvidia.com/gpu"
Containers = Sequence[tuple[str, Mapping[str, str]]]


def answer(*lines: str, uid: str = UID) -> str:
    return "".join(f"{line}\n" for line in (f"cluster\t{uid}", *lines))


def node(name: str = "k8s-node1", offered: str | None = "14k", labels: Mapping[str, str] = CARD) -> str:
    allocatable = {SLICE: "100", "cpu": "15900m", "memory": "65Gi", **({GPUMEM: offered} if offered else {})}
    return f"node\t{name}\t{_pairs(labels)}\t{_pairs(allocatable)}\t"


def pod(
    workload: str,
    containers: Containers = (("main", {SLICE: "1"}),),
    *,
    on: str = "k8s-node1",
    owner: str = "ReplicaSet",
    phase: str = "Running",
    labels: Mapping[str, str] | None = None,
    node_selector: Mapping[str, str] | None = None,
    overhead: Mapping[str, str] | None = None,
) -> str:
    """`workload` is namespace/name; its pod is of a Deployment unless `owner` is another kind, or ""."""
    namespace, name = workload.split("/")
    is_deployment = owner == "ReplicaSet"
    marked = {**({"pod-template-hash": "7d4c9"} if is_deployment else {}), **(labels or {})}
    by = f"{owner}/{name}{'-7d4c9' if is_deployment else ''}" if owner else ""
    own_name = f"{name}-7d4c9-x2x4z" if is_deployment else name
    asked = "".join(f";{kind} {_pairs(requests)}" for kind, requests in containers)
    fields = [namespace, own_name, phase, on, by, *map(_pairs, (marked, node_selector or {}, overhead or {})), asked]
    return "\t".join(["pod", *fields])


def _pairs(pairs: Mapping[str, str]) -> str:
    return "".join(f"{key}={value} " for key, value in sorted(pairs.items()))
