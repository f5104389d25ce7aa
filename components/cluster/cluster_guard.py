"""The one cluster this stack belongs to; against any other the run stops before anything is registered."""

import os
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core.v1 import Namespace


@dataclass(frozen=True, slots=True)
class ClusterGuardArgs:
    cluster_id: str


class ClusterGuard(pulumi.ComponentResource):
    """The parent of everything else: children use its provider, and none is registered before it is.

    It is registered only where the uid of kube-system is the configured one.
    """

    def __init__(self, name: str, args: ClusterGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # It is for the plugin, and for one run: as an input of the provider it would stay in the state.
        os.environ.pop("PULUMI_K8S_ENABLE_PATCH_FORCE", None)
        # Before super(), and so no children: the guard's own registration waits for what they find. One provider does
        # for both, because a second one is a second plugin process in every preview.
        provider = kubernetes.Provider(
            f"{name}-provider",
            # An empty kubeconfig means the ambient one. Left out, the path in $KUBECONFIG would become an input, and
            # another machine's path a difference. The identifier keeps a moved kubeconfig from replacing everything.
            kubeconfig="",
            cluster_identifier=args.cluster_id,
            enable_server_side_apply=True,
            opts=opts,
        )
        system = Namespace.get(f"{name}-kube-system", "kube-system", pulumi.ResourceOptions(provider=provider))
        checked = system.metadata.uid.apply(partial(same_cluster, args.cluster_id))
        options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[provider]))
        super().__init__("llm:cluster:ClusterGuard", name, {"cluster_id": checked}, options)
        self.register_outputs({})


def same_cluster(expected: str, found: str | None) -> str:
    """Return the uid when it is the expected one; raises pulumi.RunError, which is shown without a traceback."""
    if found != expected:
        raise pulumi.RunError(
            f"local-llm:stack.cluster.id: this stack belongs to the cluster {expected}, "
            f"but the kubeconfig in use leads to {found}. Nothing was changed. Switch KUBECONFIG or its context."
        )
    return expected
