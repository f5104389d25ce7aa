"""Live objects as a cluster answers them, for tests of what counts as ready."""

import copy
from typing import Any

from dev.plugin.api.client import ApiError

Object = dict[str, Any]
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
AVAILABLE = {"type": "Available", "status": "True"}
PROGRESSED = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
REVISION = "deployment.kubernetes.io/revision"


class Cluster:
    """Answers every list with those of `items` that are of the kind, and every get with the first of them."""

    def __init__(self, *items: Object) -> None:
        self.items = list(items)

    def list(self, _: str, kind: str, *__: str) -> "list[Object]":
        return [item for item in self.items if item["kind"] == kind]

    def get(self, obj: Object) -> Object:
        if not (found := self.list("", obj["kind"])):
            raise ApiError(404, {"message": "not found"}, "")
        return found[0]


def deployment(
    *conditions: Object, revision: str = "2", generation: int = 2, observed: int = 2, claim: str = ""
) -> Object:
    """Of one replica; a finished rollout where no other conditions are given."""
    template = copy.deepcopy(TEMPLATE)
    if claim:
        template["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": claim}}]
    metadata = {"name": "a", "uid": "u", "generation": generation, "annotations": {REVISION: revision}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    status = {"observedGeneration": observed, "conditions": list(conditions) or [AVAILABLE, PROGRESSED]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


def replica_set(*, revision: str = "2", replicas: int = 1, ready: int = 1, owner: str = "u") -> Object:
    metadata = {"ownerReferences": [{"uid": owner}], "annotations": {REVISION: revision}}
    status = {"readyReplicas": ready} if ready else {}
    return {"kind": "ReplicaSet", "metadata": metadata, "spec": {"replicas": replicas}, "status": status}


def job(*conditions: Object, **status: Any) -> Object:
    """A Job that has started and has these conditions."""
    status = {"startTime": "2026-11-28T00:00:00Z", "conditions": list(conditions), **status}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"}, "status": status}


def failed(reason: str) -> Object:
    return {"type": "Failed", "status": "True", "reason": reason, "message": "m"}
