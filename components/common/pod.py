"""What every pod of this stack has in common: no privileges, a read-only root, and with one exception no token."""

import base64
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    HTTPGetActionArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecretKeySelectorArgs,
    SecurityContextArgs,
    TolerationArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from plan.base import names
from plan.base.pod_types import TMP_SIZE, HttpProbe, Resources
from plan.config.tolerations import PodToleration
from plan.weights.downloads import SCRIPT, FetchesPlan
from plan.weights.volume import MOUNT


def scripts(name: str, namespace: str, archive: bytes, opts: pulumi.ResourceOptions) -> ConfigMap:
    """The ConfigMap with the programs of one kind of pod. A change makes another ConfigMap, and so rolls its pods."""
    return ConfigMap(
        f"{name}-scripts",
        metadata=ObjectMetaArgs(namespace=namespace, labels=names.labels(names.SCRIPTS, namespace)),
        immutable=True,
        binary_data={"pods.pyz": base64.b64encode(archive).decode()},
        opts=opts,
    )


def pod_security(
    uid: int, gid: int, fs_group: int | None = None, fs_group_change_policy: str | None = None
) -> PodSecurityContextArgs:
    """Meets the Pod Security Standard "restricted"."""
    return PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=uid,
        run_as_group=gid,
        fs_group=fs_group,
        fs_group_change_policy=fs_group_change_policy,
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security() -> SecurityContextArgs:
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
    )


def program(
    name: str,
    command: str,
    manifest: str,
    image: str,
    resources: Resources,
    mounts: Sequence[VolumeMountArgs],
    env: Sequence[EnvVarArgs] | None = None,
    ports: Sequence[ContainerPortArgs] | None = None,
    restart_policy: str | None = None,
    readiness: ProbeArgs | None = None,
) -> ContainerArgs:
    """A container that runs one of the programs of pods/."""
    return ContainerArgs(
        name=name,
        image=image,
        image_pull_policy="IfNotPresent",
        command=["python3", "-I", "-S", SCRIPT],
        args=[command, "--manifest", manifest],
        resources=of_container(resources),
        security_context=container_security(),
        volume_mounts=mounts,
        env=env or None,
        ports=ports,
        restart_policy=restart_policy,
        readiness_probe=readiness,
    )


def of_container(resources: Resources) -> ResourceRequirementsArgs:
    return ResourceRequirementsArgs(requests=resources.requests, limits=resources.limits)


def probe(wanted: HttpProbe) -> ProbeArgs:
    """A probe of the container's main port."""
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=wanted.path, port=names.HTTP),
        period_seconds=wanted.period_s,
        timeout_seconds=wanted.timeout_s,
        failure_threshold=wanted.failures,
    )


def port(name: str, number: int) -> ContainerPortArgs:
    return ContainerPortArgs(name=name, container_port=number, protocol="TCP")


def from_secret(secret: pulumi.Input[str], key: str, variable: str) -> EnvVarArgs:
    """A variable whose value stays in a Secret."""
    selected = SecretKeySelectorArgs(name=secret, key=key)
    return EnvVarArgs(name=variable, value_from=EnvVarSourceArgs(secret_key_ref=selected))


def of_job(
    container: ContainerArgs,
    labels: Mapping[str, str],
    common: FetchesPlan,
    claim: pulumi.Input[str],
    **config_maps: pulumi.Input[str],
) -> PodTemplateSpecArgs:
    """The pod of a Job that works on the volume with one container; `config_maps` as in `config_volumes`."""
    return PodTemplateSpecArgs(
        metadata=ObjectMetaArgs(labels=labels),
        spec=PodSpecArgs(
            restart_policy="Never",
            automount_service_account_token=False,
            tolerations=tolerations(common.tolerations),
            security_context=pod_security(common.uid, common.gid, common.fs_group, common.fs_group_change_policy),
            containers=[container],
            volumes=volumes(claim, **config_maps),
        ),
    )


def volumes(claim: pulumi.Input[str], **config_maps: pulumi.Input[str]) -> Sequence[VolumeArgs]:
    """The claim with the models, and the volumes of `scratch_volumes`."""
    source = PersistentVolumeClaimVolumeSourceArgs(claim_name=claim)
    return [VolumeArgs(name="models", persistent_volume_claim=source), *scratch_volumes(**config_maps)]


def scratch_volumes(**config_maps: pulumi.Input[str]) -> Sequence[VolumeArgs]:
    """The directory /tmp, and the ConfigMaps as volumes."""
    tmp = VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit=TMP_SIZE))
    return [tmp, *config_volumes(**config_maps)]


def config_volumes(**config_maps: pulumi.Input[str]) -> Sequence[VolumeArgs]:
    """The ConfigMaps as volumes; `config_maps` maps a volume's name to that of its ConfigMap."""
    return [VolumeArgs(name=name, config_map=ConfigMapVolumeSourceArgs(name=it)) for name, it in config_maps.items()]


def mounts(*, models_read_only: bool, **directories: str) -> Sequence[VolumeMountArgs]:
    """Mounts of `volumes`; `directories` maps the name of a ConfigMap's volume to its path."""
    models = VolumeMountArgs(name="models", mount_path=MOUNT, read_only=models_read_only)
    return [models, *scratch_mounts(**directories)]


def scratch_mounts(**directories: str) -> Sequence[VolumeMountArgs]:
    """Mounts of `scratch_volumes`."""
    tmp = VolumeMountArgs(name="tmp", mount_path="/tmp")  # noqa: S108 - an emptyDir of the pod's own
    return [tmp, *config_mounts(**directories)]


def config_mounts(**directories: str) -> Sequence[VolumeMountArgs]:
    """Mounts of the ConfigMaps only."""
    return [VolumeMountArgs(name=name, mount_path=path, read_only=True) for name, path in directories.items()]


def tolerations(wanted: Sequence[PodToleration]) -> Sequence[TolerationArgs]:
    return [TolerationArgs(key=t.key, operator=t.operator, value=t.value, effect=t.effect) for t in wanted]
