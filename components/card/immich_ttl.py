"""The model TTL on immich's machine-learning workload, which someone else owns: we own one env entry of it."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import (
    DeploymentPatch,
    DeploymentSpecPatchArgs,
    StatefulSetPatch,
    StatefulSetSpecPatchArgs,
)
from pulumi_kubernetes.core.v1 import (
    ContainerPatchArgs,
    EnvVarPatchArgs,
    PodSpecPatchArgs,
    PodTemplateSpecPatchArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from plan.card.immich_ttl import TtlPatch

# Two classes of one shape, which their types do not say.
_KINDS: dict[str, tuple[Any, Any]] = {
    "Deployment": (DeploymentPatch, DeploymentSpecPatchArgs),
    "StatefulSet": (StatefulSetPatch, StatefulSetSpecPatchArgs),
}


@dataclass(frozen=True, slots=True)
class ImmichTtlArgs:
    plan: TtlPatch


class ImmichTtl(pulumi.ComponentResource):
    """Sets the TTL and leaves it set when the stack goes: taking it back would let the tenant fill the card."""

    def __init__(self, name: str, args: ImmichTtlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:tenant:ImmichTtl", name, None, opts)
        plan = args.plan
        patch, spec = _KINDS[plan.kind]
        entry = EnvVarPatchArgs(name=plan.variable, value=plan.ttl_s)
        pod = PodSpecPatchArgs(containers=[ContainerPatchArgs(name=plan.container, env=[entry])])
        patch(
            f"{name}-patch",
            metadata=ObjectMetaPatchArgs(
                namespace=plan.namespace,
                name=plan.deployment,
                annotations=plan.annotations,
            ),
            spec=spec(template=PodTemplateSpecPatchArgs(spec=pod)),
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=list(plan.ignored),
                replace_on_changes=["metadata.annotations"],
                delete_before_replace=True,
                retain_on_delete=True,
            ),
        )
        self.register_outputs({})
