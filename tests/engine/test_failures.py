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
from tests.engine.conftest import INSTANCE, Stack, image, new_stack, remove
from tests.plugin.waiting import until

MODEL = "gemma-3-270m-q4"
JOB = f"fetch-{MODEL}"
AGAIN = "run `pulumi up` again"
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
        lambda raw: raw["gpu"].update(slice={"count": 9999}),
        ("not scheduled (Unschedulable): 0/2 nodes", "gpu.slice of the stack file", "kubectl describe node"),
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
    stack.raw["server"]["rollout_s"] = 30
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


def test_a_hub_that_is_away_is_asked_again_and_pods_that_failed_alike_share_a_line(stack: Stack) -> None:
    with failing_job(stack, "exits-69") as job:
        job.until_shown("1 failed")
        told = job.fail_sooner(backoffLimit=1)  # instead of six, with pauses of ten minutes in all

    assert len(job.pods) == 2, "a hub may be back a moment later"
    assert "and 1 more, container fetch: exited with code 69 (Error): http" in told
    assert any(f"pod {pod} and 1 more" in told for pod in job.pods)
    assert "HTTP 503; gave up" in told


def test_a_job_whose_image_is_not_there_says_so_while_it_waits_and_when_its_time_is_up(stack: Stack) -> None:
    with failing_job(stack, "pull-error") as job:
        job.until_shown("ImagePullBackOff")
        told = job.fail_sooner(activeDeadlineSeconds=1)  # instead of hours

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
        until(lambda: words in self.log.read_text() or self.process.poll() is not None, timeout_s=120)

    def fail_sooner(self, **spec: int) -> str:
        """What `up` says of the Job in the end, after its spec was changed so that the end comes soon."""
        change = json.dumps({"spec": spec})
        kubectl(INSTANCE, "patch", "job", JOB, "-n", self.stack.namespace, "-p", change)
        code = self.process.wait(timeout=120)
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


def up(stack: Stack) -> subprocess.CompletedProcess[str]:
    return stack.pulumi("up", "--yes", "--skip-preview")


def pods(stack: Stack, labels: str) -> list[str]:
    return kubectl(
        INSTANCE, "get", "pods", "-n", stack.namespace, "-l", labels, "-o", "jsonpath={.items[*].metadata.name}"
    ).split()


def told_of(failed: subprocess.CompletedProcess[str], resource: str) -> str:
    """What the CLI's summary says about one resource of an `up` that must have failed."""
    assert failed.returncode != 0, "it should have failed"
    assert "Traceback" not in failed.stdout + failed.stderr
    summary = failed.stdout.partition("Diagnostics:")[2]
    assert f"({resource})" in summary, failed.stdout + failed.stderr
    return re.split(r"\n  \S", summary.partition(f"({resource})")[2])[0]
