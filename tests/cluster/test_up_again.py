"""`up` with nothing to do, twice at once, interrupted or killed; `down`, and `up` after it; and what is never seen."""

import base64
import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.machine import daemons, postgres
from dev.machine.instance import Instance
from dev.pulumi.cli import PulumiCli
from tests.cluster.embedded import (
    INSTANCE,
    NAMESPACE,
    Watch,
    answered,
    dev,
    downloads,
    faults,
    get,
    host,
    key,
    start,
    start_and_wait_for_a_job,
    up,
)


def pods() -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in get("pod", "-n", NAMESPACE)["items"]}


def unchanged(output: str) -> bool:
    return " unchanged\n" in output and not {"created", "updated", "replaced", "deleted"} & set(output.split())


def test_a_second_up_changes_and_builds_nothing_and_a_third_beside_it_is_refused(output: str) -> None:  # noqa: ARG001
    before, running = pods(), start()
    running.until("control plane of")

    refused = dev("up")

    assert refused.returncode == 1
    assert f"(pid {running.process.pid})" in refused.stderr
    assert "next: " in refused.stderr
    assert running.end() == 0, running.seen
    assert answered(running.seen)
    assert unchanged(running.seen)
    assert not {"building", "importing", "creating"} & set(running.seen.split())
    assert pods() == before


@dataclass
class Cycle:
    """`down` and `up`: the key before, what `down` left, what `up` printed, and every command line seen meanwhile."""

    secret: str
    left: dict[str, object]
    again: str
    seen: set[bytes]


@pytest.fixture(scope="module")
def cycle(output: str) -> Cycle:  # noqa: ARG001 - it is up before it goes down
    secret = key()
    with Watch() as watch:
        done = dev("down")
        assert done.returncode == 0, done.stdout + done.stderr
        left = leftovers()
        return Cycle(secret, left, up(), watch.seen)


def leftovers() -> dict[str, object]:
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout.split()
    ports = range(INSTANCE.ports.base, INSTANCE.ports.base + 20)
    return {
        "processes": daemons.members(INSTANCE),
        "namespace": [path.name for path in Path("/run/netns").glob("*") if path.name == INSTANCE.netns],
        "mounts": [line for line in Path("/proc/mounts").read_text().splitlines() if f"/{INSTANCE.name}/" in line],
        "cgroups": [group for group, _, _ in os.walk("/sys/fs/cgroup") if Path(group).name == INSTANCE.cgroup],
        "runtime": list(Path("/run/local-llm").glob(INSTANCE.name)),
        "ports": [port for port in ports if f"127.0.0.1:{port}" in listening],
        "host": host(),
    }


def test_down_leaves_nothing_behind(cycle: Cycle, untouched: dict[str, str]) -> None:
    host_now = cycle.left.pop("host")

    assert not any(cycle.left.values()), cycle.left
    assert host_now == untouched


def test_up_after_down_goes_on_with_the_same_models_key_and_state(cycle: Cycle) -> None:
    assert answered(cycle.again)
    assert unchanged(cycle.again), "the state was found, and it is true"
    assert key() == cycle.secret
    assert downloads() == [], "the weights were there"


def test_key_and_passphrase_are_seen_in_no_argument_log_output_or_state(cycle: Cycle, output: str) -> None:
    secrets = [cycle.secret, INSTANCE.passphrase.read_text()]
    assert [len(secret) for secret in secrets] == [40, 43]
    secrets += [base64.b64encode(secret.encode()).decode() for secret in secrets]
    rows = postgres.psql(INSTANCE, "select data from pulumi.pulumi_state", user="pulumi").splitlines()
    state = b"".join(base64.b64decode(json.loads(row)["data"]) for row in rows)
    logs = [path for name in ("logs", "pod-logs") for path in (INSTANCE.state / name).rglob("*") if path.is_file()]

    assert b"llama-swap-key" in state, "the state that was searched is the stack's"
    assert any(b"pulumi\0up" in line for line in cycle.seen), "the processes were seen"
    assert any("llama-server" in path.read_text(errors="replace") for path in logs), "the pods' logs are among them"
    for secret in secrets:
        assert secret not in output + cycle.again
        assert secret.encode() not in state
        assert not [line for line in cycle.seen if secret.encode() in line]
        assert not [path for path in logs if secret.encode() in path.read_bytes()]


def test_ctrl_c_and_sigterm_at_any_moment_end_in_order_and_the_next_up_goes_on(machine: Instance) -> None:
    for number, moment in (
        (signal.SIGINT, "control plane of"),
        (signal.SIGTERM, "node of"),
        (signal.SIGINT, "importing"),
    ):
        running = start()
        running.until(moment)
        os.kill(running.process.pid, number)
        assert running.end() == 130, running.seen
        assert "Traceback" not in running.seen
        assert f"`make up INSTANCE={INSTANCE.name}` again goes on from here" in running.seen

    running = start_and_wait_for_a_job()
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.end() == 130, running.seen
    assert "Traceback" not in running.seen
    assert "Resource operation was cancelled" in running.seen, "Pulumi ended what it waited for, and saved it"
    assert get("job", "-n", NAMESPACE)["items"], "the Job was there to be picked up again"
    assert (machine.state / "Pulumi.dev.yaml").exists()

    faults()
    assert answered(up())


def test_objects_that_a_killed_pulumi_had_created_are_adopted_by_the_next_up(output: str) -> None:  # noqa: ARG001
    cli = PulumiCli(INSTANCE, "dev", INSTANCE.kubeconfig, postgres.environment(INSTANCE))
    cli.run("destroy", "--yes", "--exclude-protected", quiet=True)
    for directory in (INSTANCE.state / "models").iterdir():
        shutil.rmtree(directory)  # so that the Jobs have something to download
    running = start_and_wait_for_a_job()
    running.kill_pulumi()
    assert running.end() == 1
    assert "Traceback" not in running.seen
    assert get("job", "-n", NAMESPACE)["items"], "there was something to adopt"

    faults()
    again = up()

    assert "left its lock" in again
    assert "that its state does not have" in again
    assert answered(again)
    assert not pending(cli)
    third = up()
    assert "unchanged" in third
    assert not {"created", "updated", "replaced", "deleted"} & set(third.split())


def pending(cli: PulumiCli) -> bool:
    return "pending_operations" in cli.run("stack", "export", quiet=True)
