"""Ctrl-C, SIGTERM and SIGKILL in the middle of the first `up`: what is left is whole, and the next one goes on."""

import os
import shutil
import signal

from dev.machine import postgres
from dev.machine.instance import Instance
from dev.pulumi.cli import PulumiCli
from tests.cluster.embedded import INSTANCE, NAMESPACE, answered, faults, get, start, start_and_wait_for_a_job, up


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
