"""Waiting for an object: what is said meanwhile, and what is kept where it fails.

When an object counts as ready is in test_await_table.py.
"""

import threading
from typing import Any

import pytest

from dev.plugin.api.client import UnreachableError
from dev.plugin.api.metadata import SKIP_AWAIT, WAIT_FOR
from dev.plugin.awaiting.ready import CHECKS, Look
from dev.plugin.awaiting.waiter import InitFailedError, Waiter, _rolled_from, _Told
from tests.plugin.live import Cluster, Object, deployment, failed, job, replica_set


class Answering(Cluster):
    """Answers a get with the object itself; before that it is not reached as often as `away` says."""

    def __init__(self, *items: Object, away: int = 0) -> None:
        super().__init__(*items)
        self.away = away

    def get(self, obj: Object) -> Object:
        self.away -= 1
        if self.away >= 0:
            raise UnreachableError("gone for a moment")
        return obj


def test_an_api_server_that_is_away_for_a_moment_does_not_end_the_wait() -> None:
    said: list[str] = []
    waiter = Waiter(Answering(replica_set(), away=1), threading.Event(), said.append)
    assert waiter.until_ready({}, deployment(), None, 60) == deployment()
    assert said == ["gone for a moment", ""]


def test_a_cancelled_wait_keeps_the_object_and_says_what_was_missing() -> None:
    cancelled = threading.Event()
    cancelled.set()
    waiter = Waiter(Answering(replica_set(ready=0)), cancelled, lambda _: None)
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
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "status": {"phase": "Pending"}}
    monkeypatch.setattr("dev.plugin.awaiting.waiter._REPORT_EVERY_S", 0.0)

    class Deleting(Cluster):
        def get(self, obj: Object) -> Object:
            if not obj["status"]["conditions"] and not obj["status"].get("active"):
                return job(active=1)
            self.items = []
            return job(failed("DeadlineExceeded"))

    with pytest.raises(InitFailedError) as caught:
        Waiter(Deleting(pod), threading.Event(), lambda _: None).until_ready({}, job(), None, 60)
    said = caught.value.reasons
    assert said[0] == "[DeadlineExceeded] m"
    assert said[1].startswith("seen before: pod p: Pending, no scheduler has looked at it")
    assert "kubectl describe job j -n n" in said[2]
    assert "`pulumi up` again" in said[-1]


def test_a_job_that_a_rule_failed_is_waited_for_as_by_the_official_plugin_and_that_is_told() -> None:
    said: list[str] = []
    live = job(failed("PodFailurePolicy"))
    with pytest.raises(InitFailedError, match="timed out") as caught:
        Waiter(Answering(), threading.Event(), said.append).until_ready({}, live, None, 0.1)
    assert "[PodFailurePolicy] m" in caught.value.reasons[0]
    assert "only BackoffLimitExceeded or DeadlineExceeded ends it" in said[0]


@pytest.mark.parametrize(
    ("kind", "annotations", "said"),
    [
        ("ResourceQuota", {}, "a ResourceQuota needs the official"),
        ("ConfigMap", {WAIT_FOR: "jsonpath={.a}=b"}, WAIT_FOR),
    ],
)
def test_what_only_the_official_plugin_waits_for_is_refused_unless_the_wait_is_skipped(
    kind: str, annotations: dict[str, str], said: str
) -> None:
    version = "v1"
    live: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": {"name": "a", "annotations": annotations}}
    waiter = Waiter(Answering(), threading.Event(), lambda _: None)
    with pytest.raises(InitFailedError, match=said):
        waiter.until_ready(live, live, None, 60)
    live["metadata"]["annotations"] = {SKIP_AWAIT: "true"}
    assert waiter.until_ready(live, live, None, 60) == live


@pytest.mark.parametrize(("before", "waits"), [("2", True), ("1", False)])
def test_after_a_change_of_its_pods_a_deployment_is_ready_only_at_another_revision(before: str, waits: bool) -> None:
    """With Recreate the old revision is there, and as ready as before, until its last pod has gone."""
    missing = CHECKS["apps/v1", "Deployment"](
        Cluster(replica_set()), deployment(revision="2"), Look(rolled_from=before)
    )

    assert bool(missing) == waits


def test_a_wait_after_an_update_knows_the_revision_that_a_changed_template_leaves() -> None:
    changed = deployment(revision="1")
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "x:2"

    assert _rolled_from(deployment(revision="1"), changed) == "1"
    assert _rolled_from(deployment(revision="1"), deployment(revision="1")) == ""
    assert _rolled_from(None, changed) == ""
