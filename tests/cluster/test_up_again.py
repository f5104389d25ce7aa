"""`up` when there is nothing to do, two at once, `down`, and `up` after it; and what must never be seen meanwhile."""

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.machine import daemons, postgres
from tests.cluster.embedded import (
    INSTANCE,
    NAMESPACE,
    Watch,
    answered,
    dev,
    downloads,
    get,
    host,
    key,
    start,
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
