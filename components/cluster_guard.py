"""The provider of the one cluster this stack belongs to; against any other cluster the run stops here."""

from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core.v1 import Namespace


@dataclass(frozen=True, slots=True)
class ClusterGuardArgs:
    cluster_id: str


class ClusterGuard(pulumi.ComponentResource):
    """Compares the uid of kube-system with the configuration; `provider` exists only where they agree."""

    provider: kubernetes.Provider

    def __init__(self, name: str, args: ClusterGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:cluster:ClusterGuard", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # An empty kubeconfig means the ambient one. Left out, the path in $KUBECONFIG would become an input, and
        # another machine's path a difference. The identifier keeps a moved kubeconfig from replacing everything.
        looker = kubernetes.Provider(f"{name}-looker", kubeconfig="", cluster_identifier=args.cluster_id, opts=child)
        looking = pulumi.ResourceOptions(parent=self, provider=looker)
        system = Namespace.get(f"{name}-kube-system", "kube-system", looking)
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            kubeconfig="",
            cluster_identifier=system.metadata.uid.apply(partial(same_cluster, args.cluster_id)),
            enable_server_side_apply=True,
            opts=child,
        )
        self.register_outputs({})


def same_cluster(expected: str, found: str | None) -> str:
    """Return the uid when it is the expected one; raises pulumi.RunError, which is shown without a traceback."""
    if found != expected:
        raise pulumi.RunError(
            f"local-llm:stack.cluster.id: this stack belongs to the cluster {expected}, "
            f"but the kubeconfig in use leads to {found}. Nothing was changed. Switch KUBECONFIG or its context."
        )
    return expected
