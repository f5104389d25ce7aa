"""The recorded situations, made to happen again on an API server: outcomes agree with the official plugin's.

Every recorded Create, Read, Update and Delete is sent in order; state that came from the other cluster is replaced by
what this one answered before. Compared is what the objects look like: not uids, times, owners' lists and statuses.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dev.plugin.api.client import Client
from dev.plugin.awaiting.ready import CHECKS, Look
from dev.plugin.server import KubernetesPlugin
from tests.plugin.diff.replay import CallError, Exchange, call, exchanges, new_plugin
from tests.plugin.waiting import until

SENT = exchanges("Create", "Read", "Update", "Delete")
FAILED_JOB = next(item for item in SENT if item.method == "Create" and item.errors)
UNREADY = next(item for item in SENT if item.method == "Update" and item.errors)
# They name this cluster's moments and choices.
_OWN = {
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "managedFields",
    "generation",
    "status",
    "__fieldManager",
    "time",
}
_OWN |= {"clusterIP", "clusterIPs", "controller-uid", "batch.kubernetes.io/controller-uid"}
_OWN |= {"deployment.kubernetes.io/revision"}
Answer = dict[str, Any]
Answers = list[Answer | CallError]


@pytest.fixture(scope="module")
def answers(lab: Client) -> Answers:
    """What the offline plugin answers to each of SENT."""
    plugin, states, result = new_plugin(), {}, []
    for exchange in SENT:
        if exchange is _first_after_the_foreign_edit():
            _edit_as_someone_else(lab)
        request = _with_our_state(exchange, states)
        try:
            answer = (
                _fail_the_pod(lab, plugin, request)
                if exchange is FAILED_JOB
                else call(plugin, exchange.method, request)
            )
            kept = answer.get("properties")
        except CallError as error:
            answer, kept = error, (error.detail or {}).get("properties")
        result.append(answer)
        if kept and not request.get("preview"):
            states[request["urn"]] = kept
    plugin.client.close()
    return result


def _first_after_the_foreign_edit() -> Exchange:
    return next(item for item in SENT if item.situation == "06")


def _with_our_state(exchange: Exchange, states: dict[str, Any]) -> dict[str, Any]:
    request = copy.deepcopy(exchange.request)
    for key in ("olds", "properties"):
        if request.get(key) and request["urn"] in states and (key, exchange.method) != ("properties", "Create"):
            request[key] = states[request["urn"]]
    if exchange is FAILED_JOB:
        request["properties"]["spec"]["template"]["spec"]["schedulerName"] = "nobody"  # kwok would let it succeed
    if exchange is UNREADY:
        request["news"]["spec"]["template"]["spec"]["schedulerName"] = "nobody"  # kwok would make it ready
        request["timeout"] = 3
    return request


def _edit_as_someone_else(client: Client) -> None:
    """What `kubectl set env` does, and the rollout that follows."""
    like = {"apiVersion": "apps/v1", "kind": "Deployment"}
    like["metadata"] = {"name": "immich-machine-learning", "namespace": "rec"}
    variables = [{"name": "MACHINE_LEARNING_MODEL_TTL", "value": "300"}]
    container = {"name": "immich-machine-learning", "env": variables}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    client.patch(like, body, "application/strategic-merge-patch+json", {"fieldManager": "kubectl-set"})
    until(lambda: not CHECKS["apps/v1", "Deployment"](client, client.get(like), Look()))


def _fail_the_pod(client: Client, plugin: KubernetesPlugin, request: dict[str, Any]) -> Answer:
    """Create the Job while its pod ends as the recorded one did."""
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no space left on /m"}}
    status = {"name": "c", "image": "i", "imageID": "i", "ready": False, "restartCount": 0, "state": ended}
    with ThreadPoolExecutor(1) as threads:
        created = threads.submit(call, plugin, "Create", request)
        selector = "batch.kubernetes.io/job-name=fetch-a"
        (pod,) = until(lambda: client.list("v1", "Pod", "rec", selector))
        path = client.path({**pod, "apiVersion": "v1", "kind": "Pod"}, pod["metadata"]["name"]) + "/status"
        body = {"status": {"phase": "Failed", "containerStatuses": [status]}}
        client.request("PATCH", path, {}, body, "application/merge-patch+json")
        return created.result()


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items() if key not in _OWN}
    return [_shape(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("index", range(len(SENT)), ids=[str(item) for item in SENT])
def test_the_outcome_is_the_recorded_one(answers: Answers, index: int) -> None:
    exchange, answer = SENT[index], answers[index]
    if exchange.errors:
        assert isinstance(answer, CallError)
        assert str(answer) in exchange.errors[0]
        return
    assert not isinstance(answer, CallError), f"{answer} {answer.detail and answer.detail['reasons']}"
    ours, recorded = copy.deepcopy(answer), copy.deepcopy(exchange.response)
    if exchange.method == "Read" and not exchange.request["properties"]:
        # The recorded build had no schema in it, so it took over no field but the name as input.
        for bag in (ours["inputs"], ours["properties"]["__inputs"]):
            assert bag.pop("spec") == {"finalizers": ["kubernetes"]}
            assert bag["metadata"].pop("labels") == {"kubernetes.io/metadata.name": "kube-system"}
    assert _shape(ours) == _shape(recorded)


def test_a_failed_job_says_how_its_container_ended(answers: Answers) -> None:
    failure = answers[SENT.index(FAILED_JOB)]
    assert isinstance(failure, CallError)
    assert failure.detail
    assert failure.detail["id"] == "rec/fetch-a"
    reasons = "\n".join(failure.detail["reasons"])
    assert "[BackoffLimitExceeded]" in reasons
    assert "exited with code 1 (Error): no space left on /m" in reasons


def test_a_deployment_that_never_gets_ready_says_what_it_waited_for(answers: Answers) -> None:
    failure = answers[SENT.index(UNREADY)]
    assert isinstance(failure, CallError)
    assert failure.detail
    assert failure.detail["id"] == "rec/llama-swap"
    assert "not ready after 3 s" in failure.detail["reasons"][1]
    assert "no scheduler has looked at it" in failure.detail["reasons"][2]
    assert failure.detail["properties"]["spec"]["template"]["spec"]["schedulerName"] == "nobody"
