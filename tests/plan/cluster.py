"""A cluster's answer to plan/live/question.py, as kubectl would print it."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus

UID = "11111111-2222-4333-8444-555555555555"
CARD = {"nvidia.com/gpu.present": "true"}
GPUMEM, SLICE = "viktorbarzin.me/gpumem", "nvidia.com/gpu"
Containers = Sequence[tuple[str, Mapping[str, str]]]


def answer(*lines: str, uid: str = UID) -> str:
    return "".join(f"{line}\n" for line in (f"Namespace\tkube-system\tActive\t{uid}", *lines))


def whole(*lines: str, immich: str | None = None) -> str:
    """The answer of a cluster with everything that the stack t4 needs; `immich` in place of its Deployment's line."""
    there = [namespace("llama-cpp"), namespace("immich"), driver(), immich or deployment()]
    return answer(*there, *(lines or (node(),)))


def namespace(name: str, phase: str = "Active") -> str:
    return f"Namespace\t{name}\t{phase}\t"


def driver(name: str = "nfs.csi.k8s.io") -> str:
    return f"CSIDriver\t{name}\t"


def runtime_class(name: str = "nvidia", labels: Mapping[str, str] | None = None, *tolerations: str) -> str:
    """`tolerations` as key=value:effect:operator."""
    return f"RuntimeClass\t{name}\t{_pairs(labels or {})}\t{' '.join(tolerations)}\t"


def deployment(
    workload: str = "immich/immich-machine-learning", *containers: str, generation: int = 2, kind: str = "Deployment"
) -> str:
    """`containers` are as `ttl` makes them."""
    namespace, name = workload.split("/")
    shown = containers or (ttl("600", ("local-llm-immich-ttl", "2026-11-28T09:00:00Z"), container=name),)
    return f"{kind}\t{namespace}\t{name}\t{generation}\t{''.join(shown)}"


def ttl(value: str | None, *writers: tuple[str, str], container: str = "immich-machine-learning") -> str:
    """A container with its entry of immich's TTL; a value None is read from another object."""
    entry = "from" if value is None else f"value={quote_plus(value)}"
    return f";{container} {entry}{''.join(f' by={quote_plus(who)}@{when}' for who, when in writers)}"


def volume(
    name: str, claim: str, *, nfs: tuple[str, str] = ("", ""), local: tuple[str, str] = ("", ""), phase: str = "Bound"
) -> str:
    """A volume of a stack of this project."""
    server, share = map(quote_plus, nfs)
    exported = f"{server} {share}" if server else ""
    labels = {"app.kubernetes.io/part-of": "local-llm"}
    nodes = f"{local[1]} " if local[1] else ""
    return (
        f"PersistentVolume\t{name}\t{phase}\t{_pairs(labels)}\t{claim}\t{exported}\t{quote_plus(local[0])}\t{nodes}\t"
    )


def node(
    name: str = "k8s-node1",
    offered: str | None = "14k",
    labels: Mapping[str, str] = CARD,
    *,
    slices: str | None = "100",
    cordoned: bool = False,
    taints: Sequence[str] = (),
) -> str:
    marked = {"kubernetes.io/hostname": name, **labels}
    allocatable = {"cpu": "15900m", "memory": "65Gi"}
    allocatable |= {SLICE: slices} if slices else {}
    allocatable |= {GPUMEM: offered} if offered else {}
    return f"Node\t{name}\t{_pairs(marked)}\t{_pairs(allocatable)}\t{'cordoned' * cordoned}\t{' '.join(taints)}\t"


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
    runtime_class: str = "",
    claims: bool = False,
) -> str:
    """`workload` is namespace/name; its pod is of a Deployment unless `owner` is another kind, or ""."""
    namespace, name = workload.split("/")
    is_deployment = owner == "ReplicaSet"
    marked = {**({"pod-template-hash": "7d4c9"} if is_deployment else {}), **(labels or {})}
    by = f"{owner}/{name}{'-7d4c9' if is_deployment else ''}" if owner else ""
    own_name = f"{name}-7d4c9-x2x4z" if is_deployment else name
    asked = "".join(f";{kind} {_pairs(requests)}" for kind, requests in containers)
    fields = [namespace, own_name, phase, on, by, *map(_pairs, (marked, node_selector or {}, overhead or {}))]
    fields += [runtime_class, "claims" * claims, asked]
    return "\t".join(["Pod", *fields])


def _pairs(pairs: Mapping[str, str]) -> str:
    return "".join(f"{key}={value} " for key, value in sorted(pairs.items()))
