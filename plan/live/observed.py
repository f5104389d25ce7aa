"""The live cluster as kubectl_answer.py reads it: its objects, cut to what is compared with a stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plan.config.tolerations import PodToleration
from plan.kubernetes.quantity import whole

Kind = Literal["init", "sidecar", "main"]


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods without a matching toleration from a node; `value` may be ""."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}{'=' * bool(self.value)}{self.value}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Node:
    """`allocatable` is what its pods may request in all, as quantities by resource."""

    name: str
    labels: Mapping[str, str]
    allocatable: Mapping[str, str]
    cordoned: bool
    taints: tuple[Taint, ...]


@dataclass(frozen=True, slots=True)
class Pod:
    """`node` is "" while it waits for one. `workload` is who made it: the Deployment's name, not the ReplicaSet's.

    `claims`: it asks for devices by claims (Dynamic Resource Allocation). `of_each_node`: a DaemonSet made it.
    """

    namespace: str
    name: str
    node: str
    workload: str
    labels: Mapping[str, str]
    node_selector: Mapping[str, str]
    overhead: Mapping[str, str]
    containers: tuple[tuple[Kind, Mapping[str, str]], ...]
    runtime_class: str = ""
    claims: bool = False
    of_each_node: bool = False

    def requests(self, resource: str) -> int:
        """How much of it the scheduler counts (k8s.io/component-helpers, resource.PodRequests).

        Init containers run one after another before the others, each beside the sidecars that were started before it.
        """
        steady = starting = sidecars = 0
        for kind, asked in self.containers:
            count = whole(asked.get(resource, "0"))
            if kind == "init":
                starting = max(starting, sidecars + count)
            else:
                steady += count
            if kind == "sidecar":
                sidecars += count
                starting = max(starting, sidecars)
        return max(steady, starting) + whole(self.overhead.get(resource, "0"))


@dataclass(frozen=True, slots=True)
class Entry:
    """immich's TTL in one container: `value` is None where it is read from another object (`valueFrom`).

    `writers` are the field managers of the value, each with the time of its last change.
    """

    value: str | None
    writers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or a StatefulSet. `generation` grows with each change of its spec.

    `containers` have their entries of immich's TTL by name.
    """

    kind: str
    namespace: str
    name: str
    generation: str
    containers: Mapping[str, tuple[Entry, ...]]


@dataclass(frozen=True, slots=True)
class Volume:
    """A persistent volume; `source` is a directory of an NFS server or a node, () where it is another kind."""

    name: str
    phase: str
    labels: Mapping[str, str]
    claim: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuntimeClass:
    """What pods of the class get besides their own. An empty key tolerates every taint, an empty effect every one."""

    node_selector: Mapping[str, str]
    tolerations: tuple[PodToleration, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """`cluster_id` is the uid of kube-system; `namespaces` have their phase by name.

    Pods that have ended are left out: nothing counts them any more. Of a kind in `refused`, by kubectl's name of it,
    nothing is known; it says why.
    """

    cluster_id: str
    namespaces: Mapping[str, str]
    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    workloads: tuple[Workload, ...]
    volumes: tuple[Volume, ...]
    csi_drivers: frozenset[str]
    runtime_classes: Mapping[str, RuntimeClass]
    refused: Mapping[str, str]
