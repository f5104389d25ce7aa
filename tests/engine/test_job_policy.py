"""A Job of an earlier program has another policy, which no API server lets anybody change: an `up` replaces the Job."""

import json
from typing import Any

from dev.cluster.kubectl import kubectl
from tests.engine.played import INSTANCE, Stack
from tests.plugin.waiting import until

JOB = "fetch-gemma-3-270m-q4"
# As the program of 2026-11-22 wrote it.
OLD = {
    "backoffLimit": 6,
    "podFailurePolicy": {
        "rules": [
            {"action": "FailJob", "onExitCodes": {"containerName": "fetch", "operator": "In", "values": [65, 66]}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]
    },
}


def test_a_job_with_the_policy_of_an_earlier_program_is_replaced_by_an_up(stack: Stack) -> None:
    stack.up()
    new = stack.get("job", JOB)
    _put_back(stack, new)
    old = stack.get("job", JOB)
    assert old["spec"]["podFailurePolicy"] != new["spec"]["podFailurePolicy"]

    assert "replace" in stack.steps()[f"{JOB}-job"]
    stack.up()

    now = stack.get("job", JOB)
    assert now["metadata"]["uid"] != old["metadata"]["uid"]
    assert now["spec"]["podFailurePolicy"] == new["spec"]["podFailurePolicy"]
    assert now["spec"]["backoffLimit"] == 0
    assert now["status"]["succeeded"] == 1
    assert stack.unchanged()


def _put_back(stack: Stack, job: dict[str, Any]) -> None:
    """Make cluster and state what they were when the earlier program's `up` was over."""
    metadata = {key: job["metadata"][key] for key in ("name", "namespace", "labels")}
    spec = {key: value for key, value in job["spec"].items() if key not in ("selector", "manualSelector")}
    template = {**spec["template"], "metadata": {"labels": job["metadata"]["labels"]}}
    kubectl(INSTANCE, "delete", "job", JOB, "-n", stack.namespace)
    earlier = {**job, "metadata": metadata, "spec": {**spec, **OLD, "template": template}}
    kubectl(INSTANCE, "create", "--field-manager=pulumi-kubernetes", "--filename=-", stdin=json.dumps(earlier))
    until(lambda: stack.get("job", JOB)["status"].get("succeeded"))

    file = INSTANCE.state / "job-policy.json"
    stack.cli.run("stack", "export", "--file", str(file), quiet=True)
    state = json.loads(file.read_text())
    (resource,) = [found for found in state["deployment"]["resources"] if found["urn"].endswith(f"::{JOB}-job")]
    for known in (resource["inputs"], resource["outputs"], resource["outputs"]["__inputs"]):
        known["spec"].update(OLD)
    file.write_text(json.dumps(state))
    stack.cli.run("stack", "import", "--file", str(file), quiet=True)
