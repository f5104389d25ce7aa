"""When an object counts as ready, kind by kind. A check returns what is still missing, [] when nothing is.

Source: the official plugin's awaiters (provider/pkg/await), v4.32.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from dev.plugin.api.client import ApiError, Client
from dev.plugin.api.metadata import REVISION, Object, annotation, field, id_of, items, name_of, namespace_of, text

_SETTLE_S = 10.0  # a Service whose pods are not there yet is given this long to find some


class FailedError(Exception):
    """It will never become ready; waiting longer is useless."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look of a wait, `waited_s` after the object was written; `created` when a create wrote it.

    `once` is a look without a wait, at a refresh: what is in transition now counts as it is.
    """

    waited_s: float = 0.0
    created: bool = False
    once: bool = False


Check = Callable[[Client, Object, Look], list[str]]


def _condition(obj: Object, kind: str) -> Object:
    return next((item for item in items(obj, "status", "conditions") if item.get("type") == kind), Object())


def selector_of(labels: Object) -> str:
    """The label selector that matches exactly these labels."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def current_replica_set(client: Client, deployment: Object) -> Object | None:
    """The Deployment's ReplicaSet for its present pod template; None before the controller has made it.

    Found by template, as the controller does: right after a change the revision annotation is still that of the last.
    """
    selector = selector_of(field(deployment, "spec", "selector", "matchLabels") or {})
    uid, wanted = field(deployment, "metadata", "uid"), field(deployment, "spec", "template")
    for replica_set in client.list("apps/v1", "ReplicaSet", namespace_of(deployment), selector):
        owners = items(replica_set, "metadata", "ownerReferences")
        template = copy.deepcopy(field(replica_set, "spec", "template"))
        template["metadata"]["labels"].pop("pod-template-hash", None)
        if template == wanted and any(owner.get("uid") == uid for owner in owners):
            return replica_set
    return None


def _deployment(client: Client, live: Object, look: Look) -> list[str]:
    if not look.once and field(live, "status", "observedGeneration") != field(live, "metadata", "generation"):
        return ["the Deployment controller has not seen the change yet"]
    for kind, reason in (("Available", None), ("Progressing", "NewReplicaSetAvailable")):
        condition = _condition(live, kind)
        first = kind == "Progressing" and annotation(live, REVISION) == "1"
        good = condition.get("status") == "True" and (reason is None or first or condition.get("reason") == reason)
        if not good:
            why = condition.get("message") or "no report yet"
            return [f"[{condition.get('reason') or kind}] {why}"]
    replica_set = current_replica_set(client, live)
    if replica_set is None:
        return ["the Deployment's new ReplicaSet is not there yet"]
    wanted, ready = field(live, "spec", "replicas"), field(replica_set, "status", "readyReplicas") or 0
    return [f"{ready} of {wanted} pods ready"] if ready < wanted else _unbound_claims(client, live)


def _unbound_claims(client: Client, deployment: Object) -> list[str]:
    missing: list[str] = []
    for volume in items(deployment, "spec", "template", "spec", "volumes"):
        if not (name := text(volume, "persistentVolumeClaim", "claimName")):
            continue
        metadata = {"name": name, "namespace": namespace_of(deployment)}
        try:
            claim = client.get({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata})
        except ApiError:
            continue  # the pods' own events say that it is missing
        if (phase := text(claim, "status", "phase")) != "Bound":
            missing.append(f"PersistentVolumeClaim {name} is {phase or 'new'}, not Bound")
    return missing


def _job(_: Client, live: Object, __: Look) -> list[str]:
    failed = _condition(live, "Failed")
    if failed.get("status") == "True":
        raise FailedError(f"[{failed.get('reason')}] {failed.get('message')}")
    if field(live, "status", "startTime") and _condition(live, "Complete").get("status") == "True":
        return []
    counts = (f"{field(live, 'status', key) or 0} {key}" for key in ("active", "succeeded", "failed"))
    return [f"Job {id_of(live)} has not succeeded: {', '.join(counts)}"]


def _service(client: Client, live: Object, look: Look) -> list[str]:
    spec: Object = field(live, "spec") or {}
    if spec.get("type") == "LoadBalancer" and not field(live, "status", "loadBalancer", "ingress"):
        return ["no address was given to this Service of type LoadBalancer; does the cluster have such a controller?"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return []
    label = f"kubernetes.io/service-name={name_of(live)}"
    slices = client.list("discovery.k8s.io/v1", "EndpointSlice", namespace_of(live), label)
    endpoints = [endpoint for part in slices for endpoint in items(part, "endpoints")]
    ready = [field(endpoint, "conditions", "ready") is not False for endpoint in endpoints]
    if not all(ready):
        return [f"{ready.count(False)} of {len(ready)} pods behind the Service are not ready"]
    return [] if ready or look.once or look.waited_s >= _SETTLE_S else ["no pod matches the Service's selector yet"]


def _volume(_: Client, live: Object, __: Look) -> list[str]:
    phase = text(live, "status", "phase")
    return [] if phase in ("Available", "Bound") else [f"PersistentVolume is {phase or 'new'}, not Available or Bound"]


def _claim(client: Client, live: Object, look: Look) -> list[str]:
    phase, storage_class = text(live, "status", "phase"), text(live, "spec", "storageClassName")
    wanted = "Bound"
    if storage_class and phase == "Pending" and look.created:
        like = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": storage_class}}
        try:
            mode = client.get(like).get("volumeBindingMode")
        except ApiError:
            mode = None  # no such class: it will not bind, and the timeout says so
        wanted = "Pending" if mode == "WaitForFirstConsumer" else "Bound"
    return [] if phase == wanted else [f"PersistentVolumeClaim is {phase or 'new'}, not {wanted}"]


def _pod(_: Client, live: Object, __: Look) -> list[str]:
    if text(live, "status", "phase") == "Succeeded" or _condition(live, "Ready").get("status") == "True":
        return []
    condition = _condition(live, "Ready")
    return [f"Pod is {text(live, 'status', 'phase') or 'new'}: {condition.get('message') or 'not ready'}"]


CHECKS: dict[tuple[object, object], Check] = {
    ("apps/v1", "Deployment"): _deployment,
    ("batch/v1", "Job"): _job,
    ("v1", "Service"): _service,
    ("v1", "PersistentVolume"): _volume,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Pod"): _pod,
}
