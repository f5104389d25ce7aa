"""What the official plugin says of a live object, as a table, and that the offline plugin says the same.

Read in pulumi-kubernetes v4.32.0, provider/pkg/await; `source` is the file there that decides the rows below it. READY
ends the wait well, FAILED ends it at once, WAITS goes on until the timeout.
"""

from typing import Any

import pytest

from dev.plugin.awaiting.ready import CHECKS, NOT_AWAITED_HERE, FailedError, Look
from tests.plugin.live import AVAILABLE, PROGRESSED, Cluster, Object, deployment, failed, job, replica_set

READY, WAITS, FAILED = "ready", "waits", "failed"
SETTLED, CREATED, UPDATED, REFRESH = Look(waited_s=11), Look(created=True), Look(created=False), Look(once=True)
COMPLETE = {"type": "Complete", "status": "True"}
ROLLING = {**PROGRESSED, "reason": "ReplicaSetUpdated"}
STUCK = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
UNAVAILABLE = {"type": "Available", "status": "False"}
LATE = {"kind": "StorageClass", "volumeBindingMode": "WaitForFirstConsumer"}
AT_ONCE = {"kind": "StorageClass", "volumeBindingMode": "Immediate"}
SCHEDULED, INITIALIZED, POD_READY = (
    {"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "Ready")
)
ENDED = {"type": "Ready", "status": "False", "reason": "PodCompleted"}


def of_phase(kind: str, phase: str, **spec: Any) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec, "status": {"phase": phase}}


def claim(phase: str) -> Object:
    return of_phase("PersistentVolumeClaim", phase, storageClassName="s")


def pod(phase: str, *conditions: Object) -> Object:
    live = of_phase("Pod", phase)
    live["status"]["conditions"] = list(conditions)
    return live


def service(**spec: Any) -> Object:
    spec = {"type": "ClusterIP", "selector": {"a": "b"}, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": spec}


def balanced(*ingress: Object) -> Object:
    return {**service(type="LoadBalancer"), "status": {"loadBalancer": {"ingress": list(ingress)}}}


def endpoints(ready: int = 0, pending: int = 0) -> Object:
    subset = {"addresses": [{"ip": "10.0.0.1"}] * ready, "notReadyAddresses": [{"ip": "10.0.0.2"}] * pending}
    return {"kind": "Endpoints", "subsets": [subset] if ready or pending else []}


def daemon_set(*, generation: int = 2, **status: int) -> Object:
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled")
    status = dict.fromkeys((*counts, "numberAvailable", "numberReady"), 2) | {"observedGeneration": 2} | status
    metadata = {"name": "a", "generation": generation}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "status": status}


def stateful_set(strategy: str = "RollingUpdate", *, generation: int = 2, **status: Any) -> Object:
    revisions = {"currentRevision": "b", "updateRevision": "b"}
    status = dict.fromkeys(("replicas", "readyReplicas", "currentReplicas"), 2) | revisions | status
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "a", "generation": generation},
        "spec": {"replicas": 2, "updateStrategy": {"type": strategy}},
        "status": {"observedGeneration": 2, **status},
    }


# (source, what it is a case of, the object, what else the cluster has, how it is looked at, the official verdict)
Row = tuple[str, str, Object, list[Object], Look, str]
TABLE: list[Row] = [
    ("checker/job/check.go", "running", job(active=1), [], Look(), WAITS),
    ("checker/job/check.go", "complete", job(COMPLETE), [], Look(), READY),
    ("checker/job/check.go", "complete, not started", job(COMPLETE, startTime=None), [], Look(), WAITS),
    ("checker/job/check.go", "no tries left", job(failed("BackoffLimitExceeded")), [], Look(), FAILED),
    ("checker/job/check.go", "out of time", job(failed("DeadlineExceeded")), [], Look(), FAILED),
    ("checker/job/check.go", "failed, not started", job(failed("DeadlineExceeded"), startTime=None), [], Look(), WAITS),
    ("checker/job/check.go", "failed by a rule", job(failed("PodFailurePolicy")), [], Look(), WAITS),
    ("checker/job/check.go", "an index failed", job(failed("FailedIndexes")), [], Look(), WAITS),
    ("checker/job/check.go", "indexes failed", job(failed("MaxFailedIndexesExceeded")), [], Look(), WAITS),
    (
        "checker/job/check.go",
        "failed once, not now",
        job({**failed("BackoffLimitExceeded"), "status": "False"}),
        [],
        Look(),
        WAITS,
    ),
    (
        "checker/job/check.go",
        "about to fail",
        job({**failed("BackoffLimitExceeded"), "type": "FailureTarget"}),
        [],
        Look(),
        WAITS,
    ),
    ("deployment.go", "rolled out", deployment(), [replica_set(revision="1", ready=0), replica_set()], Look(), READY),
    ("deployment.go", "change not seen", deployment(observed=1), [replica_set()], Look(), WAITS),
    ("deployment.go", "change not seen at a refresh", deployment(observed=1), [replica_set()], REFRESH, READY),
    ("deployment.go", "no revision yet", deployment(revision=""), [replica_set(revision="")], Look(), WAITS),
    ("deployment.go", "only the old pods", deployment(), [replica_set(revision="1")], Look(), WAITS),
    ("deployment.go", "pods of someone else", deployment(), [replica_set(owner="other")], Look(), WAITS),
    ("deployment.go", "no pod ready", deployment(), [replica_set(ready=0)], Look(), WAITS),
    ("deployment.go", "fewer ready than its pods", deployment(), [replica_set(replicas=2)], Look(), WAITS),
    ("deployment.go", "scaled to none", deployment(), [replica_set(replicas=0, ready=0)], Look(), READY),
    ("deployment.go", "not available", deployment(UNAVAILABLE, PROGRESSED), [replica_set()], Look(), WAITS),
    ("deployment.go", "no report", deployment(PROGRESSED), [replica_set()], Look(), WAITS),
    ("deployment.go", "rolling out", deployment(AVAILABLE, ROLLING), [replica_set()], Look(), WAITS),
    ("deployment.go", "stuck", deployment(AVAILABLE, STUCK), [replica_set()], Look(), WAITS),
    (
        "deployment.go",
        "first revision, still rolling out",
        deployment(AVAILABLE, STUCK, revision="1"),
        [replica_set(revision="1")],
        Look(),
        READY,
    ),
    (
        "deployment.go",
        "first revision, not available",
        deployment(UNAVAILABLE, revision="1"),
        [replica_set(revision="1")],
        Look(),
        WAITS,
    ),
    ("deployment.go", "claim pending", deployment(claim="c"), [replica_set(), claim("Pending")], Look(), WAITS),
    ("deployment.go", "claim bound", deployment(claim="c"), [replica_set(), claim("Bound")], Look(), READY),
    ("deployment.go", "claim missing", deployment(claim="c"), [replica_set()], Look(), READY),
    ("daemonset.go", "everywhere", daemon_set(), [], Look(), READY),
    ("daemonset.go", "nowhere", daemon_set(desiredNumberScheduled=0), [], Look(), READY),
    ("daemonset.go", "change not seen", daemon_set(generation=3), [], Look(), WAITS),
    ("daemonset.go", "change not seen at a refresh", daemon_set(generation=3), [], REFRESH, WAITS),
    ("daemonset.go", "not on every node", daemon_set(currentNumberScheduled=1), [], Look(), WAITS),
    ("daemonset.go", "old pods", daemon_set(updatedNumberScheduled=1), [], Look(), WAITS),
    ("daemonset.go", "not available", daemon_set(numberAvailable=1), [], Look(), WAITS),
    ("daemonset.go", "not ready", daemon_set(numberReady=0), [], Look(), WAITS),
    ("statefulset.go", "rolled out", stateful_set(), [], Look(), READY),
    ("statefulset.go", "rolled out, at a refresh", stateful_set(), [], REFRESH, READY),
    ("statefulset.go", "change not seen", stateful_set(generation=3), [], Look(), WAITS),
    ("statefulset.go", "change not seen at a refresh", stateful_set(generation=3), [], REFRESH, WAITS),
    ("statefulset.go", "nothing seen", stateful_set(observedGeneration=None), [], Look(), WAITS),
    ("statefulset.go", "one of two pods", stateful_set(replicas=1), [], Look(), WAITS),
    ("statefulset.go", "one of two ready", stateful_set(readyReplicas=1), [], Look(), WAITS),
    ("statefulset.go", "one too many", stateful_set(replicas=3), [], Look(), WAITS),
    ("statefulset.go", "old pods", stateful_set(currentReplicas=1, updateRevision="c"), [], Look(), WAITS),
    ("statefulset.go", "an older revision", stateful_set(updateRevision="c"), [], Look(), WAITS),
    ("statefulset.go", "no revision", stateful_set(currentRevision="", updateRevision=""), [], Look(), WAITS),
    ("statefulset.go", "by hand", stateful_set("OnDelete", currentReplicas=0, updateRevision="c"), [], Look(), READY),
    ("statefulset.go", "by hand, not ready", stateful_set("OnDelete", readyReplicas=1), [], Look(), WAITS),
    (
        "statefulset.go",
        "by hand, at first",
        stateful_set("OnDelete", generation=1, updateRevision="c"),
        [],
        Look(),
        WAITS,
    ),
    ("service.go", "pods ready", service(), [endpoints(ready=1)], SETTLED, READY),
    ("service.go", "one of two ready", service(), [endpoints(ready=1, pending=1)], SETTLED, WAITS),
    ("service.go", "no pod yet", service(), [endpoints()], Look(waited_s=1), WAITS),
    ("service.go", "no pod comes", service(), [endpoints()], SETTLED, READY),
    ("service.go", "no pod at a refresh", service(), [endpoints()], REFRESH, READY),
    ("service.go", "pods not ready at a refresh", service(), [endpoints(pending=1)], REFRESH, WAITS),
    ("service.go", "headless", service(clusterIP="None"), [endpoints(pending=1)], Look(), READY),
    ("service.go", "no selector", service(selector={}), [], Look(), READY),
    ("service.go", "another name", service(type="ExternalName"), [], Look(), READY),
    ("service.go", "no address", balanced(), [endpoints(ready=1)], SETTLED, WAITS),
    ("service.go", "an address", balanced({"ip": "192.0.2.1"}), [endpoints(ready=1)], SETTLED, READY),
    ("awaiters.go", "volume available", of_phase("PersistentVolume", "Available"), [], Look(), READY),
    ("awaiters.go", "volume bound", of_phase("PersistentVolume", "Bound"), [], Look(), READY),
    ("awaiters.go", "volume released", of_phase("PersistentVolume", "Released"), [], Look(), WAITS),
    ("awaiters.go", "volume failed", of_phase("PersistentVolume", "Failed"), [], Look(), WAITS),
    ("awaiters.go", "static claim pending", of_phase("PersistentVolumeClaim", "Pending"), [], CREATED, WAITS),
    ("awaiters.go", "static claim bound", of_phase("PersistentVolumeClaim", "Bound"), [], CREATED, READY),
    ("awaiters.go", "claim lost", of_phase("PersistentVolumeClaim", "Lost"), [], CREATED, WAITS),
    ("awaiters.go", "claim of no such class", claim("Pending"), [], CREATED, WAITS),
    ("awaiters.go", "claim pending", claim("Pending"), [AT_ONCE], CREATED, WAITS),
    ("awaiters.go", "claim bound", claim("Bound"), [AT_ONCE], CREATED, READY),
    ("awaiters.go", "late claim pending", claim("Pending"), [LATE], CREATED, READY),
    ("awaiters.go", "late claim bound at once", claim("Bound"), [LATE], CREATED, WAITS),
    ("awaiters.go", "late claim pending, updated", claim("Pending"), [LATE], UPDATED, READY),
    ("awaiters.go", "late claim bound, updated", claim("Bound"), [LATE], UPDATED, READY),
    ("checker/pod/check.go", "ready", pod("Running", SCHEDULED, INITIALIZED, POD_READY), [], Look(), READY),
    ("checker/pod/check.go", "ended well", pod("Succeeded", SCHEDULED, INITIALIZED, ENDED), [], Look(), READY),
    ("checker/pod/check.go", "ended badly", pod("Failed", SCHEDULED, INITIALIZED, ENDED), [], Look(), WAITS),
    ("checker/pod/check.go", "not scheduled", pod("Pending", INITIALIZED, POD_READY), [], Look(), WAITS),
    ("checker/pod/check.go", "not initialized", pod("Pending", SCHEDULED, POD_READY), [], Look(), WAITS),
    ("checker/pod/check.go", "no word of ready", pod("Succeeded", SCHEDULED, INITIALIZED), [], Look(), WAITS),
]


def verdict(live: Object, others: list[Object], look: Look) -> str:
    try:
        missing = CHECKS[live["apiVersion"], live["kind"]](Cluster(*others), live, look)
    except FailedError:
        return FAILED
    return WAITS if missing else READY


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[2]['kind']}: {row[1]}")
def test_the_offline_plugin_judges_as_the_official_one(row: Row) -> None:
    _, _, live, others, look, official = row
    assert verdict(live, others, look) == official


def test_each_kind_that_is_awaited_has_rows_for_waiting_and_for_its_end() -> None:
    judged = {(live["apiVersion"], live["kind"], official) for _, _, live, _, _, official in TABLE}
    assert judged >= {(*kind, official) for kind in CHECKS for official in (READY, WAITS)}


def test_no_kind_is_awaited_that_the_official_plugin_does_not_await() -> None:
    """`awaiters` of awaiters.go without old API versions, kinds without a wait, and token Secrets, ready at once.

    A CronJob is not in it: nothing waits for its Jobs.
    """
    official = {
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "Job"),
        ("networking.k8s.io/v1", "Ingress"),
        ("v1", "PersistentVolume"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Pod"),
        ("v1", "ReplicationController"),
        ("v1", "ResourceQuota"),
        ("v1", "Service"),
    }
    assert official == {*CHECKS, *NOT_AWAITED_HERE}
