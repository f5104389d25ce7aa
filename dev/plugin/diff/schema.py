"""Shapes of the built-in kinds, read from types.txt: which fields a typed round trip keeps, drops or respells.

types.txt is made by make_types.py from the Go types of k8s.io/api; one struct a line, `name:code`:
`s` string, `b` bool, `i` number, `q` quantity, `x` int or string, `a` anything, else the name of a struct;
prefixes `*` pointer, `[` list, `{` map; `=` the field is written even when zero.
"""

from functools import cache
from pathlib import Path

KNOWN_GROUPS = {
    "v1": "ConfigMap Endpoints LimitRange Namespace PersistentVolume PersistentVolumeClaim Pod PodTemplate"
    " ReplicationController ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "DaemonSet Deployment ReplicaSet StatefulSet",
    "batch/v1": "CronJob Job",
    "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "policy/v1": "PodDisruptionBudget",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver StorageClass",
    "admissionregistration.k8s.io/v1": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"
    " MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"
    " ValidatingWebhookConfiguration",
    "autoscaling/v2": "HorizontalPodAutoscaler",
}
Fields = dict[str, str]


def has_shape(api_version: object, kind: object) -> bool:
    """Whether types.txt describes this kind."""
    return isinstance(api_version, str) and kind in KNOWN_GROUPS.get(api_version, "").split()


@cache
def _lines() -> dict[str, str]:
    text = (Path(__file__).parent / "types.txt").read_text()
    return dict(line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))


@cache
def fields(struct: str) -> Fields:
    """Field name -> code of one struct; raises KeyError for a struct that is not in the file."""
    return dict(pair.split(":", 1) for pair in _lines()[struct].split())
