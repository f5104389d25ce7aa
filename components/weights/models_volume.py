"""The volume every model file lies on: a persistent volume bound to one claim, or a claim that exists already."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    CSIPersistentVolumeSourceArgs,
    LocalVolumeSourceArgs,
    NodeSelectorArgs,
    NodeSelectorRequirementArgs,
    NodeSelectorTermArgs,
    ObjectReferenceArgs,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpecArgs,
    PersistentVolumeSpecArgs,
    VolumeNodeAffinityArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from plan.base import names
from plan.weights.volume import LocalSource, NewVolume, NfsSource, VolumePlan


@dataclass(frozen=True, slots=True)
class ModelsVolumeArgs:
    plan: VolumePlan


class ModelsVolume(pulumi.ComponentResource):
    """Retained and protected: weights outlive the stack. `claim_name` is what pods mount."""

    claim_name: pulumi.Output[str]

    def __init__(self, name: str, args: ModelsVolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:storage:ModelsVolume", name, None, opts)
        new = args.plan.new
        self.claim_name = self._claim(name, args.plan, new) if new else pulumi.Output.from_input(args.plan.claim)
        self.register_outputs({"claim_name": self.claim_name})

    def _claim(self, name: str, plan: VolumePlan, new: NewVolume) -> pulumi.Output[str]:
        # Said on each: what a child inherits of these two differs between SDK and engine.
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        labels = names.labels("models", plan.namespace)
        volume = PersistentVolume(
            f"{name}-pv",
            metadata=ObjectMetaArgs(name=new.pv, labels=labels),
            spec=PersistentVolumeSpecArgs(
                access_modes=["ReadWriteMany"],
                capacity={"storage": new.capacity},
                # Only name and namespace: the controller fills in the uid, and the volume is bound before it is seen.
                claim_ref=ObjectReferenceArgs(namespace=plan.namespace, name=plan.claim),
                persistent_volume_reclaim_policy="Retain",
                storage_class_name="",
                csi=_csi(new),
                local=_local(new),
                node_affinity=_affinity(new),
                mount_options=list(new.source.mount_options) if isinstance(new.source, NfsSource) else None,
            ),
            opts=kept,
        )
        claim = PersistentVolumeClaim(
            f"{name}-pvc",
            metadata=ObjectMetaArgs(namespace=plan.namespace, name=plan.claim, labels=labels),
            spec=PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteMany"],
                resources=VolumeResourceRequirementsArgs(requests={"storage": new.capacity}),
                storage_class_name="",
                volume_name=volume.metadata.name,
            ),
            opts=kept,
        )
        return claim.metadata.name


def _csi(new: NewVolume) -> CSIPersistentVolumeSourceArgs | None:
    if not isinstance(new.source, NfsSource):
        return None
    attributes = {"server": new.source.server, "share": new.source.path}
    return CSIPersistentVolumeSourceArgs(driver="nfs.csi.k8s.io", volume_attributes=attributes, volume_handle=new.pv)


def _local(new: NewVolume) -> LocalVolumeSourceArgs | None:
    return LocalVolumeSourceArgs(path=new.source.path) if isinstance(new.source, LocalSource) else None


def _affinity(new: NewVolume) -> VolumeNodeAffinityArgs | None:
    if not isinstance(new.source, LocalSource):
        return None
    here = NodeSelectorRequirementArgs(key="kubernetes.io/hostname", operator="In", values=[new.source.node])
    terms = [NodeSelectorTermArgs(match_expressions=[here])]
    return VolumeNodeAffinityArgs(required=NodeSelectorArgs(node_selector_terms=terms))
