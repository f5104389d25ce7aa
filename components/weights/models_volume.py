"""The volume every model file lies on: a persistent volume bound to one claim, or a claim that exists already."""

from dataclasses import dataclass
from functools import partial

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
from plan.weights.volume import NFS_DRIVER, LocalSource, NewVolume, NfsSource, VolumePlan


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
        # Set on each child: which of these two a child inherits differs between SDK and engine.
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        labels = names.labels(names.MODELS, plan.namespace)
        volume = PersistentVolume(
            f"{name}-pv",
            metadata=ObjectMetaArgs(name=new.pv, labels=labels),
            spec=_spec(plan, new),
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
            # It asks for what it asked at first: no API server lets a claim without a class ask for more (its admission
            # plugin PersistentVolumeClaimResize), and it has the whole volume anyway.
            opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(ignore_changes=["spec.resources"])),
        )
        return claim.metadata.name


def _spec(plan: VolumePlan, new: NewVolume) -> PersistentVolumeSpecArgs:
    spec = partial(
        PersistentVolumeSpecArgs,
        access_modes=["ReadWriteMany"],
        capacity={"storage": new.capacity},
        # Only name and namespace: the controller fills in the uid, and the volume is bound before it is seen.
        claim_ref=ObjectReferenceArgs(namespace=plan.namespace, name=plan.claim),
        persistent_volume_reclaim_policy="Retain",
        storage_class_name="",
    )
    match new.source:
        case NfsSource() as nfs:
            attributes = {"server": nfs.server, "share": nfs.path}
            csi = CSIPersistentVolumeSourceArgs(driver=NFS_DRIVER, volume_attributes=attributes, volume_handle=new.pv)
            return spec(csi=csi, mount_options=list(nfs.mount_options))
        case LocalSource() as local:
            return spec(local=LocalVolumeSourceArgs(path=local.path), node_affinity=_on(local.node))


def _on(node: str) -> VolumeNodeAffinityArgs:
    here = NodeSelectorRequirementArgs(key="kubernetes.io/hostname", operator="In", values=[node])
    terms = [NodeSelectorTermArgs(match_expressions=[here])]
    return VolumeNodeAffinityArgs(required=NodeSelectorArgs(node_selector_terms=terms))
