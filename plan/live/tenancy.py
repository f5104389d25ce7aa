"""Rules that match a pod of the live cluster to this stack or to one of its declared tenants."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.base import names
from plan.card.extended_resource import MemoryPlan
from plan.card.tenants import is_away
from plan.config.tolerations import PodToleration, tolerations
from plan.live.observed import Node, Observed, Pod, RuntimeClass, Taint

# A node that is not ready, short of memory or cordoned (kubernetes.io, "Well-Known Labels, Annotations and Taints").
_OF_KUBERNETES = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The parts of a stack that identify its pods and tenants. `tenants` maps a name to its namespace/name, or None.

    `away` are those that are declared scaled to zero. `shared` is False where no card is behind the slice.
    """

    cluster_id: str
    namespace: str
    selector: Mapping[str, str]
    slice_resource: str
    shared: bool
    tenants: Mapping[str, str | None]
    away: tuple[str, ...]
    memory: MemoryPlan | None
    tolerations: tuple[PodToleration, ...] = ()
    runtime_class: str | None = None

    def nodes(self, seen: Observed) -> list[Node]:
        """The nodes with the card."""
        return [node for node in seen.nodes if self.labels(seen).items() <= node.labels.items()]

    def labels(self, seen: Observed) -> dict[str, str]:
        """Those of a node that may get the server: the stack's, and what its RuntimeClass adds."""
        return {**self._class(seen).node_selector, **self.selector}

    def keeps_away(self, node: Node, seen: Observed) -> tuple[Taint, ...]:
        """The node's taints that keep the server from it; what Kubernetes sets and takes away by itself is left out."""
        tolerations = (*self.tolerations, *self._class(seen).tolerations)
        return tuple(
            taint
            for taint in node.taints
            if taint.effect in ("NoSchedule", "NoExecute")
            and not taint.key.startswith(_OF_KUBERNETES)
            and not any(_tolerates(toleration, taint) for toleration in tolerations)
        )

    def _class(self, seen: Observed) -> RuntimeClass:
        """What the RuntimeClass adds to the server's pod; one that is not there is refused elsewhere."""
        return seen.runtime_classes.get(self.runtime_class or "", RuntimeClass({}, ()))

    def asks(self, pod: Pod) -> bool:
        """Whether it requests a slice of the card, or of its memory."""
        memory = self.memory is not None and pod.requests(self.memory.resource) > 0
        return memory or pod.requests(self.slice_resource) > 0

    def is_server(self, pod: Pod) -> bool:
        """Whether it is a pod of this stack's server, which goes before the new one comes."""
        return pod.namespace == self.namespace and names.selector(names.SERVING).items() <= pod.labels.items()

    def is_ours(self, pod: Pod) -> bool:
        """Whether it is a pod of this stack."""
        return pod.namespace == self.namespace and pod.labels.get("app.kubernetes.io/name") == names.SERVER

    def tenant_of(self, pod: Pod) -> str | None:
        """The entry of gpu.tenants that is about it, by `workload`, or else by the entry's own name."""
        for name, workload in self.tenants.items():
            if who(pod) == workload or (workload is None and pod.workload == name):
                return name
        return None


def plan_tenancy(stack: config.Stack, memory: MemoryPlan | None, today: datetime.date | None = None) -> Tenancy:
    """The rules of a stack; without `today` every tenant counts as present."""
    return Tenancy(
        cluster_id=stack.cluster.id,
        namespace=stack.namespace,
        selector=dict(stack.gpu.node.selector),
        slice_resource=stack.gpu.slice.resource,
        shared=stack.gpu.model != "none",
        tenants={name: it.workload for name, it in sorted(stack.gpu.tenants.items())},
        away=tuple(name for name, it in sorted(stack.gpu.tenants.items()) if today and is_away(it, today)),
        memory=memory,
        tolerations=tolerations(stack.gpu.node),
        runtime_class=stack.gpu.node.runtime_class,
    )


def _tolerates(toleration: PodToleration, taint: Taint) -> bool:
    """k8s.io/api core/v1, Toleration.ToleratesTaint."""
    same = toleration.key in ("", taint.key) and toleration.effect in ("", taint.effect)
    return same and (toleration.operator == "Exists" or (toleration.value or "") == taint.value)


def waits_for(pod: Pod, node: Node) -> bool:
    """Whether it has no node yet and may come to this one."""
    return not pod.node and pod.node_selector.items() <= node.labels.items()


def who(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.workload}"
