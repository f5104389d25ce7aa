"""What every pod of this stack has in common: no privileges, no token, a read-only root."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    ConfigMapVolumeSourceArgs,
    EmptyDirVolumeSourceArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSecurityContextArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    VolumeArgs,
    VolumeMountArgs,
)

from plan.server import CONFIG_DIR
from plan.volume import MOUNT


def pod_security(uid: int, gid: int) -> PodSecurityContextArgs:
    """Meets the Pod Security Standard "restricted"."""
    return PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=uid,
        run_as_group=gid,
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security() -> SecurityContextArgs:
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
    )


def volumes(claim: pulumi.Input[str], config_map: pulumi.Input[str]) -> Sequence[VolumeArgs]:
    """The models, the configuration, and the one place a pod may write to."""
    return [
        VolumeArgs(name="models", persistent_volume_claim=PersistentVolumeClaimVolumeSourceArgs(claim_name=claim)),
        VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name=config_map)),
        VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit="1Gi")),
    ]


def mounts(*, models_read_only: bool) -> Sequence[VolumeMountArgs]:
    return [
        VolumeMountArgs(name="models", mount_path=MOUNT, read_only=models_read_only),
        VolumeMountArgs(name="config", mount_path=CONFIG_DIR, read_only=True),
        VolumeMountArgs(name="tmp", mount_path="/tmp"),  # noqa: S108 - an emptyDir of the pod's own
    ]
