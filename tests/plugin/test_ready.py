"""When an object counts as ready: moments of a rollout that are easily taken for its end."""

import copy
import threading
from typing import Any

import pytest

from dev.plugin.api.client import UnreachableError
from dev.plugin.awaiting.ready import CHECKS, FailedError, Look
from dev.plugin.awaiting.waiter import InitFailedError, Waiter, _Told

Object = dict[str, Any]
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
AVAILABLE = {"type": "Available", "status": "True"}
PROGRESSED = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}


class Cluster:
    """Answers every list with `items` and every get with `found`."""

    def __init__(self, items: list[Object], found: Object | None = None) -> None:
        self.items, self.found = items, found or {}

    def list(self, *_: Any) -> "list[Object]":
        return self.items

    def get(self, _: Object) -> Object:
        return self.found


def deployment(*, generation: int = 2, observed: int = 2, conditions: list[Object] | None = None) -> Object:
    metadata = {"name": "a", "uid": "u", "generation": generation}
    metadata["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": TEMPLATE}
    status = {"observedGeneration": observed, "conditions": conditions or [AVAILABLE, PROGRESSED]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


def replica_set(image: str = "x:1", ready: int = 1, owner: str = "u") -> Object:
    template = copy.deepcopy(TEMPLATE)
    template["metadata"]["labels"]["pod-template-hash"] = "h"
    template["spec"]["containers"][0]["image"] = image
    metadata = {"ownerReferences": [{"uid": owner}], "annotations": {"deployment.kubernetes.io/revision": "2"}}
    return {"metadata": metadata, "spec": {"replicas": 1, "template": template}, "status": {"readyReplicas": ready}}


def missing(live: Object, items: list[Object], look: Look | None = None, found: Object | None = None) -> list[str]:
    check = CHECKS[live["apiVersion"], live["kind"]]
    return check(Cluster(items, found), live, look or Look())


def test_a_finished_rollout_is_ready() -> None:
    assert missing(deployment(), [replica_set("x:0", ready=0), replica_set()]) == []


@pytest.mark.parametrize(
    ("live", "items", "said"),
    [
        (deployment(observed=1), [replica_set()], "not seen the change"),
        (deployment(), [replica_set("x:0")], "new ReplicaSet is not there"),
        (deployment(), [replica_set(owner="other")], "new ReplicaSet is not there"),
        (deployment(), [replica_set(ready=0)], "0 of 1 pods ready"),
        (deployment(conditions=[PROGRESSED]), [replica_set()], "Available"),
        (
            deployment(conditions=[AVAILABLE, {**PROGRESSED, "reason": "ReplicaSetUpdated", "message": "m"}]),
            [replica_set()],
            r"\[ReplicaSetUpdated\] m",
        ),
    ],
)
def test_a_rollout_under_way_is_not_ready(live: Object, items: list[Object], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        assert missing(live, items) == []


def test_a_claim_that_the_pods_need_must_be_bound() -> None:
    live = copy.deepcopy(deployment())
    live["spec"]["template"]["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": "models"}}]
    owned = replica_set()
    owned["spec"]["template"]["spec"]["volumes"] = live["spec"]["template"]["spec"]["volumes"]
    pending = missing(live, [owned], found={"status": {"phase": "Pending"}})
    assert pending == ["PersistentVolumeClaim models is Pending, not Bound"]
    assert missing(live, [owned], found={"status": {"phase": "Bound"}}) == []


def service(**spec: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"selector": {"a": "b"}, **spec}}


def endpoints(*ready: bool) -> list[Object]:
    return [{"endpoints": [{"conditions": {"ready": each}} for each in ready]}]


def test_a_service_waits_for_pods_that_come_and_not_for_pods_that_never_do() -> None:
    assert missing(service(), endpoints())
    assert missing(service(), endpoints(True, False))
    assert missing(service(), endpoints(True)) == []
    assert missing(service(), endpoints(), Look(waited_s=11)) == []
    assert missing(service(), endpoints(False), Look(waited_s=11))
    assert missing(service(clusterIP="None"), endpoints()) == []


def test_a_claim_of_a_class_that_binds_late_may_be_pending_after_a_create() -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"storageClassName": "s"}}
    claim["status"] = {"phase": "Pending"}
    late = {"volumeBindingMode": "WaitForFirstConsumer"}
    assert missing(claim, [], Look(created=True), late) == []
    assert missing(claim, [], Look(created=False), late)
    assert missing(claim, [], Look(created=True), {"volumeBindingMode": "Immediate"})


def test_a_failed_job_is_not_waited_for() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too slow"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "status": {"conditions": [failed]}}
    with pytest.raises(FailedError, match=r"\[DeadlineExceeded\] too slow"):
        missing(job, [])


class Flaky(Cluster):
    """Is not reached the first time."""

    def get(self, obj: Object) -> Object:
        if self.found:
            self.found = {}
            raise UnreachableError("gone for a moment")
        return obj


def test_an_api_server_that_is_away_for_a_moment_does_not_end_the_wait() -> None:
    said: list[str] = []
    waiter = Waiter(Flaky([replica_set()], {"first": True}), threading.Event(), said.append)
    assert waiter.until_ready({}, deployment(), None, 60) == deployment()
    assert said == ["gone for a moment", ""]


def test_a_cancelled_wait_keeps_the_object_and_says_what_was_missing() -> None:
    cancelled = threading.Event()
    cancelled.set()
    waiter = Waiter(Flaky([replica_set(ready=0)]), cancelled, lambda _: None)
    with pytest.raises(InitFailedError, match="cancelled") as caught:
        waiter.until_ready({}, deployment(), None, 60)
    assert caught.value.reasons == ["0 of 1 pods ready"]
    assert caught.value.live == deployment()


def test_the_cause_is_told_while_it_waits_and_the_same_words_only_once() -> None:
    said: list[str] = []
    told = _Told(said.append)
    for elapsed_s, pods in ((0, ["a"]), (5, ["a"]), (10, ["a", "b", "c"]), (15, []), (21, ["a", "b"]), (32, [])):
        told.tell("0 of 1 ready", elapsed_s, lambda pods=pods: pods)
    told.tell("no pods", 33, list)

    assert said == ["0 of 1 ready", "a / b", "0 of 1 ready", "no pods"]
    assert told.pods == ["a", "b"], "they may be gone when the wait ends"


def test_a_job_that_took_its_pods_away_is_explained_by_what_was_seen_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too slow"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"}, "status": {}}
    pods = [{"metadata": {"name": "p"}, "status": {"phase": "Pending"}}]
    monkeypatch.setattr("dev.plugin.awaiting.waiter._REPORT_EVERY_S", 0.0)

    class Deleting(Cluster):
        def get(self, obj: Object) -> Object:
            if obj["status"]:
                self.items = []
            return {**job, "status": {"conditions": [failed]} if obj["status"] else {"active": 1}}

    with pytest.raises(InitFailedError) as caught:
        Waiter(Deleting(pods), threading.Event(), lambda _: None).until_ready({}, job, None, 60)
    said = caught.value.reasons
    assert said[0] == "[DeadlineExceeded] too slow"
    assert said[1].startswith("seen before: pod p: Pending, no scheduler has looked at it")
    assert "kubectl describe job j -n n" in said[2]
    assert "`pulumi up` again" in said[-1]
