"""The Jobs: when they fail, when they are tried again, where they run and what they carry."""

import json

import pytest

from components.weights.model_fetch import ModelFetch
from ops.render.recorder import Recorder, build
from plan.plan import Plan
from tests import stacks
from tests.components.built import fetch_args, pod_of, server
from tests.plans import planned


def test_every_job_that_is_awaited_is_replaced_when_it_failed_and_never_runs_beside_its_successor(
    recorder: Recorder, plan: Plan
) -> None:
    build(lambda: server(plan))

    jobs = recorder.of("Job")
    assert len(jobs) == 2, "a fetch and the preflight"
    assert {job.inputs["metadata"]["name"] for job in jobs} == {plan.fetches.jobs[0].job, "preflight"}, (
        "an auto-named Job would be made before the old is gone"
    )
    for job in jobs:
        assert "#initerror" in job.options.replaceOnChanges
        assert "spec.podFailurePolicy" in job.options.replaceOnChanges, "the API server refuses to change it"
        assert job.options.deleteBeforeReplace
        assert "ttlSecondsAfterFinished" not in job.inputs["spec"], "a Job that vanishes is created again by every up"


def test_every_job_that_is_awaited_fails_only_by_its_backoff_limit_or_its_deadline(
    recorder: Recorder, plan: Plan
) -> None:
    build(lambda: server(plan))

    for job in recorder.of("Job"):
        spec = job.inputs["spec"]
        assert spec["backoffLimit"] == 0
        assert {rule["action"] for rule in spec["podFailurePolicy"]["rules"]} == {"Ignore"}, (
            "the official plugin waits on where a rule has failed the Job"
        )
        waited_s = float(job.options.customTimeouts.create.removesuffix("s"))
        assert waited_s > spec["activeDeadlineSeconds"] + 30, "the deadline lets the pods end before the Job has failed"
        assert job.options.customTimeouts.update == job.options.customTimeouts.create


@pytest.mark.parametrize(
    ("job", "again", "final"),
    [
        ("fetch", {1, 69, 74, 137, 143}, {2, 65, 66, 73, 77, 78, 126, 127, 128}),
        ("preflight", set[int](), {1, 2, 78, 126, 127, 128, 132, 137, 139}),
    ],
)
def test_a_job_is_tried_again_after_a_pod_was_taken_away_and_after_codes_that_may_pass(
    recorder: Recorder, plan: Plan, job: str, again: set[int], final: set[int]
) -> None:
    build(lambda: server(plan))

    (spec,) = [found.inputs["spec"] for found in recorder.of("Job") if found.inputs["metadata"]["name"].startswith(job)]
    (container,) = spec["template"]["spec"]["containers"]
    rules = spec["podFailurePolicy"]["rules"]
    assert {(c["type"], c["status"]) for rule in rules for c in rule.get("onPodConditions", [])} == {
        ("DisruptionTarget", "True")
    }
    codes = [rule["onExitCodes"] for rule in rules if "onExitCodes" in rule]
    assert {code["containerName"] for code in codes} <= {container["name"]}
    assert {code["operator"] for code in codes} <= {"NotIn"}
    tried = {code for code in again | final if any(code not in rule["values"] for rule in codes)}
    assert tried == again


def test_a_job_carries_its_own_manifest_so_that_another_models_files_never_run_it(
    recorder: Recorder, plan: Plan
) -> None:
    build(lambda: ModelFetch("fetch", fetch_args(plan)))

    (container,) = pod_of(recorder, "Job")["containers"]
    assert json.loads(container["args"][2])["id"] == plan.fetches.jobs[0].model_id
    assert [v["configMap"]["name"] for v in pod_of(recorder, "Job")["volumes"] if "configMap" in v] == [
        "scripts-0000000"
    ]


@pytest.mark.parametrize("name", ["claim", "local"])
def test_a_job_goes_where_a_volume_of_one_node_is_even_if_that_node_keeps_others_off(
    recorder: Recorder, name: str
) -> None:
    local = {"name": "models", "size_gib": 50, "local": {"path": "/srv/models", "node": "gpu-node"}}
    volume = local if name == "local" else {"name": "theirs", "existing_claim": True}

    build(lambda: ModelFetch("fetch", fetch_args(planned("t4", volume=volume))))

    (toleration,) = pod_of(recorder, "Job")["tolerations"]
    assert toleration["key"] == "nvidia.com/gpu"


def test_a_gated_models_token_comes_by_reference_and_only_where_it_is_declared(recorder: Recorder) -> None:
    fetch = {**stacks.raw("t4")["fetch"], "token_secret": {"name": "hf-token", "key": "token"}}

    build(lambda: ModelFetch("fetch", fetch_args(planned("t4", fetch=fetch))))
    build(lambda: ModelFetch("other", fetch_args(planned("t4"))))

    with_token, without = (job.inputs["spec"]["template"]["spec"]["containers"][0] for job in recorder.of("Job"))
    reference = {"valueFrom": {"secretKeyRef": {"name": "hf-token", "key": "token"}}}
    assert with_token["env"] == [{"name": "HF_TOKEN", **reference}]
    assert "env" not in without


def test_a_job_on_nfs_leaves_the_gpu_node_to_those_who_need_it(recorder: Recorder, plan: Plan) -> None:
    build(lambda: ModelFetch("fetch", fetch_args(plan)))

    assert not pod_of(recorder, "Job").get("tolerations")
    assert not pod_of(recorder, "Job").get("nodeSelector")


@pytest.mark.parametrize("workload", ["fetch-job", "llama-swap-preflight", "llama-swap-deployment"])
def test_no_pod_has_privileges_a_token_or_a_writable_root(recorder: Recorder, plan: Plan, workload: str) -> None:
    build(lambda: server(plan))

    (pod,) = (r.inputs["spec"]["template"]["spec"] for r in recorder.registered if r.name == workload)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["ephemeral-storage"], "core dumps once filled a node's disk"
