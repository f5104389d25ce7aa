"""What the plugin knows about kinds: type tokens, scope, and which fields cannot change in place.

The tables of fields that force a replacement are those of the official plugin (provider/pkg/provider/diff.go, v4.32).
"""

from typing import Any

_CLUSTER_SCOPED = {
    "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CSINode", "IngressClass", "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume",
    "PriorityClass", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration", "VolumeAttachment", "CustomResourceDefinition", "APIService",
}  # fmt: skip
_NOT_KINDS = {"helm.sh", "kustomize", "yaml"}
_BUILT_IN_GROUPS = {"", "apps", "autoscaling", "batch", "policy"}


def _words(text: str) -> list[str]:
    return text.split()


_VOLUME_SOURCES = _words(
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk"
    " glusterfs hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos"
    " vsphereVolume"
)
_POD_FIELDS = _words(
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC"
    " hostNetwork hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy"
    " priority priorityClassName readinessGates restartPolicy runtimeClassName schedulerName"
    " securityContext serviceAccount serviceAccountName shareProcessNamespace subdomain"
    " terminationGracePeriodSeconds volumes"
)
_CONTAINER_FIELDS = _words(
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources"
    " securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices"
    " volumeMounts workingDir"
)
Pattern = tuple[str, ...]  # one item a path step; "*" stands for any index of a list


def _spec(*names: str) -> list[Pattern]:
    return [("spec", name) for name in names]


IDENTITY: list[Pattern] = [("metadata", "name"), ("metadata", "namespace")]
_FORCE_NEW: dict[tuple[str, str], list[Pattern]] = {
    ("apps/v1", "Deployment"): _spec("selector"),
    ("apps/v1", "DaemonSet"): _spec("selector"),
    ("apps/v1", "StatefulSet"): _spec(
        "podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"
    ),
    ("batch/v1", "Job"): _spec("completions", "parallelism", "selector", "template"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): [("roleRef",)],
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): [("roleRef",)],
    ("storage.k8s.io/v1", "StorageClass"): [("parameters",), ("provisioner",)],
    ("v1", "PersistentVolume"): _spec(*_VOLUME_SOURCES),
    ("v1", "PersistentVolumeClaim"): _spec("accessModes", "selector", "storageClassName", "volumeName"),
    ("v1", "Pod"): [
        *_spec(*_POD_FIELDS),
        *(("spec", group, "*", name) for group in ("containers", "initContainers") for name in _CONTAINER_FIELDS),
    ],
    ("v1", "ResourceQuota"): _spec("scopes"),
    ("v1", "Service"): _spec("clusterIP"),
}


def force_new(obj: dict[str, Any], *, config_maps_mutable: bool, secrets_mutable: bool) -> list[Pattern]:
    """Paths whose change replaces the object, beyond those of IDENTITY.

    A ConfigMap or Secret may change in place where the provider allows it and it is not `immutable`.
    """
    gvk, frozen = (obj.get("apiVersion"), obj.get("kind")), obj.get("immutable") is True
    if gvk == ("v1", "ConfigMap"):
        return [] if config_maps_mutable and not frozen else [("binaryData",), ("data",)]
    if gvk == ("v1", "Secret"):
        return [("type",)] if secrets_mutable and not frozen else [("type",), ("stringData",), ("data",)]
    return _FORCE_NEW.get((str(gvk[0]), str(gvk[1])), [])


def from_type(token: str) -> tuple[str, str]:
    """(apiVersion, kind) of a type token such as `kubernetes:core/v1:NamespacePatch`; raises ValueError for others."""
    package, version, name = [*token.split(":"), "", ""][:3]
    served = package == "kubernetes" and version.partition("/")[0] not in _NOT_KINDS
    if not served or "/" not in version or name.endswith("List"):
        raise ValueError(
            f"{token} is not served by the offline plugin; only plain kubernetes:<group>/<version> kinds are"
        )
    return version.removeprefix("core/"), name.removesuffix("Patch")


def is_patch(token: str) -> bool:
    """Whether the type edits fields of an object that someone else owns."""
    return token.endswith("Patch")


def is_built_in(api_version: str) -> bool:
    """Whether the group is one that every API server has."""
    group = api_version.rpartition("/")[0]
    return group in _BUILT_IN_GROUPS or group.endswith(".k8s.io")


def is_namespaced(api_version: str, kind: str) -> bool:
    """Whether objects of the kind live in a namespace; kinds of unknown groups are taken to (Create finds out)."""
    return not (is_built_in(api_version) and kind in _CLUSTER_SCOPED)


def plural(kind: str) -> str:
    """The resource name of a built-in kind, as in API paths."""
    name = kind.lower()
    if name.endswith(("endpoints", "metrics")):
        return name
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("s", "x", "ch")) else "s")
