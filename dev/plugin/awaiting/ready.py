"""When an object counts as ready, kind by kind. A check returns what is still missing, [] when nothing is.

Exactly as the official plugin judges, and never cleverer (docs/adr/0011): source of each check is the file of that name
in its provider/pkg/await, v4.32. Its verdicts are a table in tests/plugin/awaiting/test_await_table.py. Only the words
are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dev.plugin.api.client import ApiError, Client
from dev.plugin.api.metadata import REVISION, Object, annotation, field, id_of, items, name_of, namespace_of, text

_SETTLE_S = 10.0  # how long a Service may be without pods before it counts as ready


class FailedError(Exception):
    """The object has failed for good: waiting longer cannot make it ready."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a check knows besides the object itself.

    `waited_s`: seconds since the object was written. `created`: a create wrote it, not an update. `once`: this is a
    refresh, which looks one time and does not wait. `rolled_from`: the Deployment's revision before its pod template
    changed, "" where it did not change.
    """

    waited_s: float = 0.0
    created: bool = False
    once: bool = False
    rolled_from: str = ""


Check = Callable[[Client, Object, Look], list[str]]


def _condition(obj: Object, kind: str) -> Object:
    return next((item for item in items(obj, "status", "conditions") if item.get("type") == kind), Object())


def selector_of(labels: Object) -> str:
    """The label selector that matches exactly these labels."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def current_replica_set(client: Client, deployment: Object) -> Object | None:
    """The Deployment's ReplicaSet of its present revision; None before the controller has made it."""
    selector = selector_of(field(deployment, "spec", "selector", "matchLabels") or {})
    uid, revision = field(deployment, "metadata", "uid"), annotation(deployment, REVISION)
    for replica_set in client.list("apps/v1", "ReplicaSet", namespace_of(deployment), selector):
        owners = items(replica_set, "metadata", "ownerReferences")
        ours = any(owner.get("uid") == uid for owner in owners)
        if revision and annotation(replica_set, REVISION) == revision and ours:
            return replica_set
    return None


def _deployment(client: Client, live: Object, look: Look) -> list[str]:
    if not look.once and field(live, "status", "observedGeneration") != field(live, "metadata", "generation"):
        return ["the Deployment controller has not seen the change yet"]
    # With Recreate the old revision stays, and stays ready, until its pods are gone. The official plugin takes it for
    # the new one if the ReplicaSet's event comes before the Deployment's. Here the new revision is always waited for;
    # otherwise a test of a rollout could pass before the rollout began.
    if look.rolled_from and annotation(live, REVISION) == look.rolled_from:
        return ["the Deployment's new ReplicaSet is not there yet"]
    wanted_reasons: dict[str, str | None] = {"Available": None, "Progressing": "NewReplicaSetAvailable"}
    if annotation(live, REVISION) == "1":
        del wanted_reasons["Progressing"]  # the first pods are created, not rolled out
    for kind, reason in wanted_reasons.items():
        condition = _condition(live, kind)
        if condition.get("status") != "True" or (reason and condition.get("reason") != reason):
            why = condition.get("message") or "no report yet"
            return [f"[{condition.get('reason') or kind}] {why}"]
    replica_set = current_replica_set(client, live)
    if replica_set is None:
        return ["the Deployment's new ReplicaSet is not there yet"]
    wanted, ready = field(replica_set, "spec", "replicas"), field(replica_set, "status", "readyReplicas") or 0
    wanted = 1 if wanted is None else wanted
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
            continue  # the pods' events already report that it is missing
        if (phase := text(claim, "status", "phase")) != "Bound":
            missing.append(f"PersistentVolumeClaim {name} is {phase or 'new'}, not Bound")
    return missing


# Only these end a wait for a Job; see checker/job/check.go.
_JOB_FAILURES = ("BackoffLimitExceeded", "DeadlineExceeded")


def _job(_: Client, live: Object, __: Look) -> list[str]:
    failed = _condition(live, "Failed") if _condition(live, "Failed").get("status") == "True" else {}
    started = field(live, "status", "startTime")
    if started and failed.get("reason") in _JOB_FAILURES:
        raise FailedError(f"[{failed.get('reason')}] {failed.get('message')}")
    if started and _condition(live, "Complete").get("status") == "True":
        return []
    if failed:
        said = f"[{failed.get('reason')}] {failed.get('message')}"
        return [f"Job {id_of(live)} has failed: {said}; waiting goes on, for only {' or '.join(_JOB_FAILURES)} ends it"]
    counts = (f"{field(live, 'status', key) or 0} {key}" for key in ("active", "succeeded", "failed"))
    return [f"Job {id_of(live)} has not succeeded: {', '.join(counts)}"]


def _service(client: Client, live: Object, look: Look) -> list[str]:
    spec: Object = field(live, "spec") or {}
    if spec.get("type") == "LoadBalancer" and not field(live, "status", "loadBalancer", "ingress"):
        return ["no address was given to this Service of type LoadBalancer; does the cluster have such a controller?"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return []
    subsets = _subsets(client, live)
    ready, pending = (
        sum(len(subset.get(key) or []) for subset in subsets) for key in ("addresses", "notReadyAddresses")
    )
    if pending:
        return [f"{pending} of {ready + pending} pods behind the Service are not ready"]
    # The official plugin waits 10 s even where pods are ready already; the verdict is the same.
    return [] if ready or look.once or look.waited_s >= _SETTLE_S else ["no pod matches the Service's selector yet"]


def _subsets(client: Client, service: Object) -> list[Object]:
    """The subsets of the Service's Endpoints, which, unlike an EndpointSlice, leave out pods that are being deleted."""
    metadata = {"name": name_of(service), "namespace": namespace_of(service)}
    try:
        return client.get({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}).get("subsets") or []
    except ApiError as error:
        if error.code == 404:
            return []
        raise


def _volume(_: Client, live: Object, __: Look) -> list[str]:
    phase = text(live, "status", "phase")
    return [] if phase in ("Available", "Bound") else [f"PersistentVolume is {phase or 'new'}, not Available or Bound"]


def _claim(client: Client, live: Object, look: Look) -> list[str]:
    phase = text(live, "status", "phase")
    if phase == "Bound" and not look.created:
        return []
    # A new claim of a class that binds late has to be Pending. One that is Bound already is waited for until the
    # timeout; the official plugin does the same.
    wanted = "Pending" if _binding_mode(client, live) == "WaitForFirstConsumer" else "Bound"
    return [] if phase == wanted else [f"PersistentVolumeClaim is {phase or 'new'}, not {wanted}"]


def _binding_mode(client: Client, claim: Object) -> str:
    """The volumeBindingMode of the claim's class; "" where it has none or there is no such class."""
    if not (name := text(claim, "spec", "storageClassName")):
        return ""
    try:
        like = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
        return text(client.get(like), "volumeBindingMode")
    except ApiError:
        return ""  # without its class the claim stays Pending, and the timeout reports that


def _pod(_: Client, live: Object, __: Look) -> list[str]:
    phase = text(live, "status", "phase")
    for kind in ("PodScheduled", "Initialized", "Ready"):
        condition = _condition(live, kind)
        ended_well = kind == "Ready" and condition and phase == "Succeeded"
        if condition.get("status") != "True" and not ended_well:
            return [f"Pod is {phase or 'new'}: {condition.get('message') or f'not {kind}'}"]
    return []


def _daemon_set(_: Client, live: Object, __: Look) -> list[str]:
    status: Object = field(live, "status") or {}
    metadata: Object = field(live, "metadata") or {}
    if metadata.get("deletionTimestamp"):
        return ["the DaemonSet is being deleted"]
    wanted, seen = status.get("desiredNumberScheduled"), status.get("observedGeneration")
    if wanted is None or seen is None or seen != metadata.get("generation"):
        return ["the DaemonSet controller has not seen the change yet"]
    for key in ("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"):
        if (count := status.get(key) or 0) < wanted:
            return [f"{key} of the DaemonSet is {count} of {wanted}"]
    return []


def _stateful_set(_: Client, live: Object, __: Look) -> list[str]:
    generation, seen = field(live, "metadata", "generation") or 0, field(live, "status", "observedGeneration")
    if not generation or seen is None or seen < generation:
        return ["the StatefulSet controller has not seen the change yet"]
    by_hand = generation > 1 and text(live, "spec", "updateStrategy", "type") == "OnDelete"  # pods change when deleted
    wanted = field(live, "spec", "replicas") or 0
    for key in ("replicas", "readyReplicas", *([] if by_hand else ["currentReplicas"])):
        if (count := field(live, "status", key) or 0) != wanted:
            return [f"{key} of the StatefulSet is {count} of {wanted}"]
    current = text(live, "status", "currentRevision")
    if not by_hand and (not current or current != text(live, "status", "updateRevision")):
        return ["the StatefulSet's pods are of an older revision"]
    return []


CHECKS: dict[tuple[object, object], Check] = {
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("batch/v1", "Job"): _job,
    ("v1", "Service"): _service,
    ("v1", "PersistentVolume"): _volume,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Pod"): _pod,
}
# The official plugin waits for these as well. This one says so instead of going on without waiting.
NOT_AWAITED_HERE = {
    ("networking.k8s.io/v1", "Ingress"),
    ("v1", "ReplicationController"),
    ("v1", "ResourceQuota"),
}
