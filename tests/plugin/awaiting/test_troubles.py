"""What is said about pods in trouble: statuses as a kubelet and a scheduler write them, as words and a next step."""

from typing import Any

import pytest

from dev.plugin.api.client import ApiError
from dev.plugin.awaiting.troubles import of_object, of_pods

Object = dict[str, Any]
JOB: Object = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "fetch-a", "namespace": "llm", "uid": "j", "labels": {"local-llm/model": "a"}},
}
SCHEDULED = {"type": "PodScheduled", "status": "True"}
ENDED = {"exitCode": 1, "reason": "Error"}


class Cluster:
    """Answers lists by kind; `log` is every container's log, None where the kubelet does not answer."""

    def __init__(self, pods: list[Object], events: list[Object] | None = None, log: str | None = None) -> None:
        self.items, self.log, self.asked = {"Pod": pods, "Event": events or []}, log, list[str]()

    def list(self, _: str, kind: str, *__: str) -> "list[Object]":
        return self.items[kind]

    def path(self, obj: Object, name: str) -> str:
        return f"{obj['apiVersion']}/{obj['kind']}/{name}"

    def request(self, _: str, path: str, query: dict[str, str]) -> str:
        self.asked.append(f"{path} {query['container']}")
        if self.log is None:
            raise ApiError(500, {}, path)
        return self.log


def pod(state: Object, container: str = "server", name: str = "p-1", **status: Any) -> Object:
    """A pod as an item of a list, which says neither kind nor apiVersion; the container is in `state`."""
    init = container == "models-ready"
    spec = {"name": container, "resources": {"limits": {"memory": "2Gi"}}}
    of_container = {"name": container, "ready": False, "restartCount": 0, **state}
    return {
        "metadata": {"name": name, "namespace": "llm", "uid": name},
        "spec": {
            "restartPolicy": "Never" if container == "fetch" else "Always",
            "initContainers": [spec] if init else [],
            "containers": [{"name": "server"}] if init else [spec],
        },
        "status": {
            "conditions": [SCHEDULED],
            "initContainerStatuses" if init else "containerStatuses": [of_container],
            **status,
        },
    }


def waiting(reason: str, message: str = "", /, **last: Any) -> Object:
    return {
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": {"terminated": last} if last else {},
    }


def ended(code: int, message: str = "", reason: str = "Error") -> Object:
    return {"state": {"terminated": {"exitCode": code, "reason": reason, "message": message}}}


def unplaced(message: str) -> Object:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return pod({"state": {}}, conditions=[condition], containerStatuses=[])


def told(*pods: Object, log: str | None = None) -> list[str]:
    return of_pods(Cluster(list(pods), log=log), JOB)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            pod(waiting("ErrImagePull", "x: not found"), "fetch"),
            "model a, pod p-1, container fetch: ErrImagePull: x: not found; next: check name and digest of fetch.image "
            "of the stack file, and the node's access to that registry: `kubectl describe pod p-1 -n llm`",
        ),
        (
            pod(waiting("CrashLoopBackOff", "back-off 10s", **ENDED)),
            "model a, pod p-1, container server: CrashLoopBackOff, exited with code 1 (Error): it said nothing; "
            "next: `kubectl logs p-1 -n llm -c server --previous`",
        ),
        (
            pod(waiting("CrashLoopBackOff", exitCode=137, reason="OOMKilled")),
            "model a, pod p-1, container server: CrashLoopBackOff, exited with code 137 (OOMKilled): it said nothing; "
            "next: raise server.memory_limit_mib in the stack file, it needs more memory than 2Gi",
        ),
        (
            pod(ended(137, reason="OOMKilled"), "fetch"),
            "model a, pod p-1, container fetch: exited with code 137 (OOMKilled): it said nothing; "
            "next: raise its limit, it needs more memory than 2Gi",
        ),
        (
            pod(ended(73, "/models: No space left on device; enlarge the volume"), "fetch"),
            "model a, pod p-1, container fetch: exited with code 73 (Error): /models: No space left on device; "
            "enlarge the volume",
        ),
        (
            pod(ended(73), "fetch"),
            "model a, pod p-1, container fetch: exited with code 73 (Error): it said nothing; "
            "next: `kubectl logs p-1 -n llm -c fetch`",
        ),
        (
            pod(waiting("ImagePullBackOff", "x: not found"), "preflight"),
            "model a, pod p-1, container preflight: ImagePullBackOff: x: not found; next: check name and digest of "
            "server.image of the stack file, and the node's access to that registry: `kubectl describe pod p-1 -n llm`",
        ),
        (
            pod(ended(78, "model b: llama-server refuses its flags: --x; take the flag out"), "preflight"),
            "model a, pod p-1, container preflight: exited with code 78 (Error): model b: llama-server refuses its "
            "flags: --x; take the flag out",
        ),
        (
            pod(waiting("CreateContainerConfigError", 'secret "k" not found')),
            'model a, pod p-1, container server: CreateContainerConfigError: secret "k" not found; '
            "next: `kubectl describe pod p-1 -n llm`",
        ),
        (
            pod(
                waiting("CrashLoopBackOff", exitCode=1, message="not complete: /models/b/0a/READY.json is missing"),
                "models-ready",
            ),
            "model a, pod p-1, container models-ready: CrashLoopBackOff, exited with code 1 (None): not complete: "
            "/models/b/0a/READY.json is missing; next: `kubectl delete job -l 'local-llm/model in (b)' -n llm`, then "
            "`pulumi up --refresh` fetches them again",
        ),
        (
            unplaced(
                "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint {a: b}. "
                "preemption: 0/2 nodes are available"
            ),
            "model a, pod p-1: not scheduled (Unschedulable): 0/2 nodes are available: 1 Insufficient nvidia.com/gpu, "
            "1 node(s) had untolerated taint {a: b}; next: compare gpu.node.tolerations and gpu.slice of the stack "
            "file with what `kubectl describe node` shows",
        ),
    ],
)
def test_a_line_names_model_pod_container_cause_and_one_next_step(found: Object, line: str) -> None:
    assert told(found) == [line]


@pytest.mark.parametrize(
    ("container", "what"),
    [
        ("server", "runs but is not ready: last; next: see why its readiness probe fails"),
        ("models-ready", "runs and has not ended, the containers after it wait: last; next: see what it waits for"),
        ("fetch", "still runs: last; next: see how far it is"),
    ],
)
def test_a_container_that_runs_is_described_by_the_last_line_of_its_log(container: str, what: str) -> None:
    (line,) = told(pod({"state": {"running": {}}}, container), log="first\nlast\n")
    assert line == f"model a, pod p-1, container {container}: {what}: `kubectl logs p-1 -n llm -c {container}`"


def test_a_container_that_left_no_message_is_described_by_its_log() -> None:
    cluster = Cluster([pod(ended(1), "fetch")], log="Traceback:\n  boom\n")
    (line,) = of_pods(cluster, JOB)
    assert "exited with code 1 (Error): Traceback: |   boom; next:" in line
    assert cluster.asked == ["v1/Pod/p-1/log fetch"], (
        "items of a list do not say their kind, the log's address needs it"
    )


def test_pods_in_the_same_trouble_share_a_line_that_names_the_last() -> None:
    pods = [pod(ended(69, f"HTTP 50{n}"), "fetch", f"p-{n}") for n in range(3)]
    assert told(*pods) == ["model a, pod p-2 and 2 more, container fetch: exited with code 69 (Error): HTTP 502"]


def test_what_is_well_or_about_to_be_is_not_told() -> None:
    recovered = {"ready": True, "state": {"running": {}}, "lastState": {"terminated": ENDED}}
    assert told(pod(recovered), pod(waiting("ContainerCreating")), pod(ended(0), "fetch")) == []


def event(uid: str, reason: str, kind: str = "Warning") -> Object:
    return {"type": kind, "reason": reason, "message": "m", "involvedObject": {"uid": uid}}


def test_warnings_are_told_unless_the_pods_line_says_the_same() -> None:
    events = [
        event("p-1", "BackOff"),
        event("p-1", "FailedMount"),
        event("x", "FailedMount"),
        event("j", "Pulled", "Normal"),
    ]
    assert of_object(Cluster([pod(ended(1))], events), JOB) == ["Pod p-1: [FailedMount] m"]


def test_pods_that_may_not_be_made_and_a_job_whose_time_is_up_are_told() -> None:
    conditions = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"},
        {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"},
        {"type": "Complete", "status": "False"},
    ]
    assert of_object(Cluster([]), {**JOB, "status": {"conditions": conditions}}) == [
        "no pod could be made: [FailedCreate] exceeded quota",
        "its time was up, and what still ran is gone: `kubectl describe job fetch-a -n llm`",
    ]


def test_a_cluster_that_does_not_answer_adds_nothing_to_the_error_at_hand() -> None:
    class Away(Cluster):
        def list(self, *_: str) -> "list[Object]":
            raise ApiError(500, {}, "pods")

    assert of_pods(Away([]), JOB) == []
    assert of_object(Away([]), JOB) == []
