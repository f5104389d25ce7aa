"""Failures that a person meets: what `pulumi up` says about each, what it leaves alone, and that the repair is enough.

The pods are played, so an image's name scripts what becomes of its container (dev/cluster/played/stages). The stories
of the server run beside the other tests, because they mostly wait.
"""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.kubectl import kubectl
from dev.machine.instance import Instance
from dev.pulumi.stackfile import ROOT
from tests.engine.played import AGAIN, INSTANCE, Stack, image, new_stack, pods, remove, told_of, up
from tests.plugin.waiting import until

MODEL = "gemma-3-270m-q4"
JOB = f"fetch-{MODEL}"
Config = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`spoil` is the person's mistake in the stack file; `said` is what they have to read about it."""

    name: str
    spoil: Callable[[Config], object]
    said: tuple[str, ...]


SERVER = (
    Case(
        "crash",
        lambda raw: raw["server"].update(image=image("crashes-1")),
        ("CrashLoopBackOff, exited with code 1", "kubectl logs {pod} -n {namespace} -c server --previous"),
    ),
    Case(
        "memory",
        lambda raw: raw["server"].update(image=image("crashes-137")),
        ("exited with code 137 (OOMKilled)", "raise server.memory_limit_mib in the stack file", "than 2Gi"),
    ),
    Case(
        "probe",
        lambda raw: raw["server"].update(image=image("never-ready")),
        ("container server: runs but is not ready", "kubectl logs {pod} -n {namespace} -c server"),
    ),
    Case(
        "node",
        lambda raw: raw["server"].update(memory_request_mib=1 << 17, memory_limit_mib=1 << 17),
        (
            "not scheduled (Unschedulable): 0/2 nodes",
            "server.memory_request_mib of the stack file",
            "kubectl describe node",
        ),
    ),
    Case(
        "gate",
        lambda raw: raw["fetch"].update(image=image("waits")),
        ("container models-ready: runs and has not ended", "kubectl logs {pod} -n {namespace} -c models-ready"),
    ),
)


@dataclass(frozen=True)
class Story:
    """What happened: the `up` that failed, the pod and Job it left, and the `up` and preview after the repair."""

    namespace: str
    failed: subprocess.CompletedProcess[str]
    pod: str
    services: str
    repaired: subprocess.CompletedProcess[str]
    same_job: bool
    unchanged: bool


@pytest.fixture(scope="module", autouse=True)
def stories(machine: Instance) -> Iterator[dict[str, Future[Story]]]:
    with ThreadPoolExecutor(len(SERVER)) as threads:
        told = {}
        for case in SERVER:
            stack = new_stack(machine, f"t-server-{case.name}")  # one at a time: they share the CLI's home
            told[case.name] = threads.submit(_tell, stack, case)
        yield told
    for case in SERVER:
        remove(machine, f"t-server-{case.name}")


def _tell(stack: Stack, case: Case) -> Story:
    good, good_raw = json.dumps(stack.raw), stack.raw
    stack.raw = json.loads(good)
    case.spoil(stack.raw)
    stack.raw["server"]["rollout_s"] = 60  # in which a busy machine, too, shows what is wrong
    failed = up(stack)
    (pod,) = pods(stack, "app.kubernetes.io/component=server")
    services = kubectl(INSTANCE, "get", "services", "-n", stack.namespace, "-o", "name")
    job = stack.get("job", JOB)["metadata"]["uid"]
    stack.raw = good_raw
    repaired = up(stack)
    same_job = stack.get("job", JOB)["metadata"]["uid"] == job
    return Story(stack.namespace, failed, pod, services, repaired, same_job, stack.unchanged())


def test_wrong_bytes_end_an_update_at_once_and_the_old_server_stays(stack: Stack) -> None:
    stack.up()
    good, before = stack.raw["fetch"]["image"], stack.get("deployment", "llama-swap")

    stack.raw["fetch"]["image"] = image("exits-65")
    told = told_of(up(stack), f"{JOB}-job")

    assert why_failed(stack) == "BackoffLimitExceeded", "the official plugin would wait on for hours after another"
    assert "[BackoffLimitExceeded]" in told
    (pod,) = pods(stack, f"job-name={JOB}")  # one: another try would get the same bytes
    assert f"pod {pod}, container fetch: exited with code 65 (Error): model.gguf: expected sha256" in told
    assert "next:" not in told, "the fetcher's message names the repair"
    assert AGAIN in told
    after = stack.get("deployment", "llama-swap")
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    assert after["status"]["availableReplicas"] == 1, "the old server has to answer until the new weights are there"

    stack.raw["fetch"]["image"] = good
    stack.up()
    assert stack.get("job", JOB)["status"]["succeeded"] == 1
    assert stack.unchanged()


def test_a_hub_that_is_away_is_asked_again_until_the_deadline_and_pods_that_failed_alike_share_a_line(
    stack: Stack,
) -> None:
    with failing_job(stack, "exits-69") as job:
        job.until_shown("container fetch: exited with code 69 (Error): http")
        until(lambda: len(pods(stack, f"job-name={JOB}")) > 1)  # after a pause of ten seconds
        assert why_failed(stack) is None, "a hub may be back a moment later"
        told = job.fail_sooner()

    assert "[DeadlineExceeded]" in told
    assert re.search(r"and \d more, container fetch: exited with code 69 \(Error\): http", told)
    assert any(f"pod {pod} and" in told for pod in job.pods)
    assert "HTTP 503; gave up" in told


def test_a_pod_that_was_evicted_is_no_failure_of_its_job(stack: Stack) -> None:
    with failing_job(stack, "pull-error") as job:
        job.until_shown("ImagePullBackOff")  # no container has ended: no exit code speaks for another try
        (pod,) = pods(stack, f"job-name={JOB}")
        evict(stack, pod)
        until(lambda: set(pods(stack, f"job-name={JOB}")) - {pod})
        assert why_failed(stack) is None
        told = job.fail_sooner()

    assert "[DeadlineExceeded]" in told


def test_a_job_whose_image_is_not_there_says_so_while_it_waits_and_when_its_time_is_up(stack: Stack) -> None:
    with failing_job(stack, "pull-error") as job:
        job.until_shown("ImagePullBackOff")
        told = job.fail_sooner()

    assert "[DeadlineExceeded]" in told
    assert re.search(rf"seen before: .*pod {JOB}-\w+, container fetch: ImagePullBackOff: Back-off", told), (
        "the deadline takes the pods away, and the cause with them"
    )
    assert "check name and digest of fetch.image of the stack file" in told
    assert f"kubectl describe job {JOB} -n {stack.namespace}" in told


def test_weights_whose_job_was_deleted_are_fetched_by_the_next_up_that_refreshes(stack: Stack) -> None:
    stack.up()
    kubectl(INSTANCE, "delete", "job", JOB, "-n", stack.namespace)

    again = stack.pulumi("up", "--yes", "--skip-preview", "--refresh")

    assert again.returncode == 0, again.stdout + again.stderr
    assert stack.get("job", JOB)["status"]["succeeded"] == 1, "the gate's message promises this"
    assert stack.unchanged()


@pytest.mark.parametrize("case", SERVER, ids=lambda case: case.name)
def test_a_server_that_does_not_come_up_is_explained_and_the_repair_is_enough(
    stories: dict[str, Future[Story]], case: Case
) -> None:
    story = stories[case.name].result()

    told = told_of(story.failed, "llama-swap-deployment")
    assert f"pod {story.pod}" in told
    for words in case.said:
        assert words.format(pod=story.pod, namespace=story.namespace) in told
    assert AGAIN in told
    progress = story.failed.stdout.partition("Diagnostics:")[0]
    assert case.said[0] in progress, "the cause was not told while it waited"
    assert story.services == "", "consumers got an address that nobody answers"

    assert story.repaired.returncode == 0, story.repaired.stdout + story.repaired.stderr
    assert story.same_job or case.name == "gate", "weights that were there have been fetched again"
    assert story.unchanged


@dataclass
class Failing:
    """An `up` on its way to fail at the model's Job; `pods` are those it left."""

    stack: Stack
    process: subprocess.Popen[bytes]
    log: Path
    pods: list[str] = field(default_factory=list[str])

    def until_shown(self, words: str) -> None:
        until(lambda: words in self.log.read_text() or self.process.poll() is not None)

    def fail_sooner(self) -> str:
        """What `up` says of the Job in the end, which comes in a second instead of hours."""
        change = json.dumps({"spec": {"activeDeadlineSeconds": 1}})
        kubectl(INSTANCE, "patch", "job", JOB, "-n", self.stack.namespace, "-p", change)
        code = self.process.wait(timeout=300)
        assert why_failed(self.stack) == "DeadlineExceeded"
        self.pods = pods(self.stack, f"job-name={JOB}")
        assert kubectl(INSTANCE, "get", "deployment", "-n", self.stack.namespace, "-o", "name") == "", "no weights"
        told = told_of(subprocess.CompletedProcess("up", code, self.log.read_text(), ""), f"{JOB}-job")
        assert AGAIN in told
        return told


@contextlib.contextmanager
def failing_job(stack: Stack, script: str) -> Generator[Failing]:
    """One model's `up` whose fetcher follows `script`; afterwards the repair has to be enough."""
    del stack.raw["models"]["gemma-3-270m-q3"]
    good, stack.raw["fetch"]["image"] = stack.raw["fetch"]["image"], image(script)
    stack.write()
    log = INSTANCE.logs / f"{stack.cli.stack}.log"
    with log.open("wb") as output:
        argv = stack.cli.argv("up", "--yes", "--skip-preview", "--non-interactive")
        environment = {**os.environ, **stack.cli.environment()}
        process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Failing(stack, process, log)
    finally:
        process.terminate()
        process.wait()
    stack.raw["fetch"]["image"] = good
    stack.up()
    assert stack.unchanged()


def why_failed(stack: Stack) -> str | None:
    """The reason in the Job's condition Failed; None where it has not failed."""
    conditions = stack.get("job", JOB)["status"].get("conditions", [])
    return next((item["reason"] for item in conditions if item["type"] == "Failed"), None)


def evict(stack: Stack, pod: str) -> None:
    """As a kubelet does whose node runs out of something; kwok has no such need."""
    disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
    change = json.dumps({"status": {"phase": "Failed", "reason": "Evicted", "conditions": [disrupted]}})
    kubectl(INSTANCE, "patch", "pod", pod, "-n", stack.namespace, "--subresource=status", "-p", change)
