"""What each component wires together; what the values are is decided, and tested, in plan/."""

import json
from typing import Any

import pulumi
import pytest

from components.card.immich_ttl import ImmichTtl, ImmichTtlArgs
from components.cluster.namespace import label_namespace
from components.server.llama_swap import LlamaSwap, LlamaSwapArgs
from components.weights.model_fetch import ModelFetch, ModelFetchArgs
from components.weights.models_volume import ModelsVolume, ModelsVolumeArgs
from components.weights.weights_prune import WeightsPrune, WeightsPruneArgs
from ops.render.recorder import PASSWORD, SECRET_SIGNATURE, Recorder, Registration, build
from plan.plan import Plan
from tests import stacks
from tests.plans import planned


@pytest.fixture
def plan() -> Plan:
    return planned("t4")


def fetch_args(plan: Plan) -> ModelFetchArgs:
    return ModelFetchArgs(plan.fetches.jobs[0], plan.fetches, "claim", "scripts-0000000")


def server(plan: Plan) -> None:
    weights = [ModelFetch("fetch", fetch_args(plan))]
    LlamaSwap("llama-swap", LlamaSwapArgs(plan.server, "claim", "scripts-0000000", weights))


def pod_of(recorder: Recorder, kind: str) -> dict[str, Any]:
    (workload,) = recorder.of(kind)
    return workload.inputs["spec"]["template"]["spec"]


def preflight_of(recorder: Recorder) -> Registration:
    (job,) = [job for job in recorder.of("Job") if job.name == "llama-swap-preflight"]
    return job


def test_an_nfs_volume_is_bound_by_csi_to_one_rwx_claim_without_a_storage_class(recorder: Recorder, plan: Plan) -> None:
    build(lambda: ModelsVolume("models", ModelsVolumeArgs(plan.volume)))

    (volume,), (claim,) = recorder.of("PersistentVolume"), recorder.of("PersistentVolumeClaim")
    assert volume.inputs["spec"]["csi"]["driver"] == "nfs.csi.k8s.io"
    assert volume.inputs["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume.inputs["spec"]["claimRef"] == {"namespace": "llama-cpp", "name": "llamacpp-models"}
    assert claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim.inputs["spec"]["volumeName"] == volume.inputs["metadata"]["name"]
    assert claim.inputs["spec"]["storageClassName"] == volume.inputs["spec"]["storageClassName"] == ""
    assert recorder.of("StorageClass") == [], "static binding needs no provisioner"


def test_a_local_volume_holds_its_pods_on_its_node(recorder: Recorder) -> None:
    local = {"name": "models", "size_gib": 50, "local": {"path": "/srv/models", "node": "gpu-node"}}

    build(lambda: ModelsVolume("models", ModelsVolumeArgs(planned("t4", volume=local).volume)))

    (volume,) = recorder.of("PersistentVolume")
    (term,) = volume.inputs["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["gpu-node"]}]
    assert "csi" not in volume.inputs["spec"]


def test_an_existing_claim_is_used_and_nothing_is_created(recorder: Recorder) -> None:
    claim = {"name": "theirs", "existing_claim": True}
    names: list[str] = []

    def make() -> pulumi.Output[None]:
        volume = ModelsVolume("models", ModelsVolumeArgs(planned("t4", volume=claim).volume))
        return volume.claim_name.apply(names.append)

    pulumi.runtime.test(make)()

    assert names == ["theirs"]
    assert [r.type for r in recorder.registered] == ["llm:storage:ModelsVolume"]


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


def test_a_config_map_is_immutable_and_auto_named_and_mounted_by_that_name(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    (config_map,) = recorder.of("ConfigMap")
    assert config_map.inputs["immutable"]
    assert "name" not in config_map.inputs["metadata"], "only an auto-named one is replaced before it is removed"
    mounted = {v["name"]: v["configMap"]["name"] for v in pod_of(recorder, "Deployment")["volumes"] if "configMap" in v}
    assert mounted == {"config": f"{config_map.name}-0000000", "scripts": "scripts-0000000"}


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


def test_reading_ahead_is_a_sidecar_that_can_set_a_damaged_file_aside(recorder: Recorder) -> None:
    gpu = stacks.raw("t4")["gpu"]
    gpu["node"]["memory_gib"] = 64
    build(lambda: server(planned("t4", gpu=gpu)))

    gate, warm = pod_of(recorder, "Deployment")["initContainers"]
    assert "restartPolicy" not in gate, "the server waits for it to end"
    assert warm["restartPolicy"] == "Always", "a sidecar, which the server does not wait for"
    mounts = {mount["name"]: mount.get("readOnly", False) for mount in warm["volumeMounts"]}
    assert mounts == {"models": False, "tmp": False, "config": True, "scripts": True}


def test_without_the_nodes_memory_nothing_is_read_ahead(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    assert [container["name"] for container in pod_of(recorder, "Deployment")["initContainers"]] == ["models-ready"]


def test_what_is_kept_changes_only_when_the_new_server_is_ready(recorder: Recorder, plan: Plan) -> None:
    def make() -> None:
        weights = [ModelFetch("fetch", fetch_args(plan))]
        rollout = LlamaSwap("llama-swap", LlamaSwapArgs(plan.server, "claim", "scripts-0000000", weights)).rollout
        WeightsPrune("prune", WeightsPruneArgs(plan.prune, plan.fetches, "claim", "scripts-0000000", rollout))

    build(make)

    (cron_job,), (deployment,) = recorder.of("CronJob"), recorder.of("Deployment")
    assert deployment.urn in cron_job.options.dependencies
    assert cron_job.inputs["spec"]["concurrencyPolicy"] == "Forbid"
    (container,) = cron_job.inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["prune", "--manifest"]


def test_the_namespace_keeps_our_labels_when_the_stack_goes(recorder: Recorder) -> None:
    build(lambda: label_namespace("namespace", "llama-cpp", pulumi.ResourceOptions()))

    (patch,) = recorder.of("NamespacePatch")
    assert patch.inputs["metadata"]["labels"]["app.kubernetes.io/part-of"] == "local-llm"
    assert patch.options.retainOnDelete, "a namespace is never ours to change on the way out"
    assert recorder.of("Namespace") == []


@pytest.mark.parametrize("wished", [None, "gpu-serving"])
def test_a_priority_class_is_the_operators_choice(recorder: Recorder, wished: str | None) -> None:
    build(lambda: server(planned("t4", server={**stacks.raw("t4")["server"], "priority_class": wished})))

    assert pod_of(recorder, "Deployment").get("priorityClassName") == wished


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


def test_the_deployment_waits_for_weights_and_preflight_and_never_runs_two_pods(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    (deployment,) = recorder.of("Deployment")
    assert deployment.inputs["spec"]["strategy"] == {"type": "Recreate"}
    assert {job.urn for job in recorder.of("Job")} <= set(deployment.options.dependencies)
    assert len(recorder.of("Job")) == 2


def test_the_preflight_tries_the_image_and_configuration_that_the_server_will_have(
    recorder: Recorder, plan: Plan
) -> None:
    build(lambda: server(plan))

    tried, served = preflight_of(recorder).inputs["spec"]["template"]["spec"], pod_of(recorder, "Deployment")
    (trial,), (engine_container,) = tried["containers"], served["containers"]
    assert trial["image"] == engine_container["image"]
    config = [volume for volume in served["volumes"] if volume["name"] == "config"]
    assert [volume for volume in tried["volumes"] if volume["name"] == "config"] == config
    env = {entry["name"]: entry.get("value") for entry in trial["env"]}
    for entry in engine_container["env"]:
        assert entry["name"] in env, "LLAMA_ARG_* are flags too, and a missing key is an error of the configuration"
        assert "valueFrom" in entry or env[entry["name"]] == entry["value"]


def test_the_preflight_is_where_the_card_is_and_takes_nothing_of_it(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    tried, served = preflight_of(recorder).inputs["spec"]["template"]["spec"], pod_of(recorder, "Deployment")
    assert tried["nodeSelector"] == served["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert tried["tolerations"] == served["tolerations"]
    (trial,) = tried["containers"]
    assert "nvidia.com/gpu" not in str(trial["resources"]), "it would wait for what the old pod holds until its end"
    assert {"name": "CUDA_VISIBLE_DEVICES", "value": "-1"} in trial["env"]


def test_the_preflight_needs_no_weights(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    job = preflight_of(recorder)
    volumes = job.inputs["spec"]["template"]["spec"]["volumes"]
    assert {volume["name"] for volume in volumes} == {"tmp", "config"}, "lost weights of one model stop no rollout"
    (fetch,) = [other for other in recorder.of("Job") if other is not job]
    assert fetch.urn not in job.options.dependencies, "the image is pulled while the weights are fetched"


def test_the_service_finds_the_servers_pods(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    (deployment,), (service,) = recorder.of("Deployment"), recorder.of("Service")
    selector = service.inputs["spec"]["selector"]
    assert selector.items() <= deployment.inputs["spec"]["template"]["metadata"]["labels"].items()
    assert selector == deployment.inputs["spec"]["selector"]["matchLabels"]
    (port,) = service.inputs["spec"]["ports"]
    ports = {p["name"] for c in pod_of(recorder, "Deployment")["containers"] for p in c["ports"]}
    assert port["targetPort"] in ports
    assert port["port"] == 8080


def test_the_gpu_slice_is_requested_as_it_is_limited(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    (container,) = pod_of(recorder, "Deployment")["containers"]
    resources = container["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "1"


def test_the_api_key_reaches_the_engine_as_a_secret_and_the_pod_by_reference(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    (secret,) = recorder.of("Secret")
    assert SECRET_SIGNATURE in str(secret.inputs["stringData"]), "unmarked, the key lies in clear text in the state"
    clear = str([r.inputs for r in recorder.registered if r is not secret])
    assert PASSWORD not in clear
    (container,) = pod_of(recorder, "Deployment")["containers"]
    (reference,) = [e["valueFrom"] for e in container["env"] if "valueFrom" in e]
    assert reference["secretKeyRef"]["name"] == secret.inputs["metadata"]["name"]


def test_the_ttl_patch_differs_by_its_annotation_alone_and_stays_when_the_stack_goes(
    recorder: Recorder, plan: Plan
) -> None:
    assert plan.immich
    build(lambda: ImmichTtl("immich", ImmichTtlArgs(plan.immich)))

    (patch,) = recorder.of("DeploymentPatch")
    assert "600" in patch.inputs["metadata"]["annotations"].values()
    assert list(patch.options.ignoreChanges) == ["spec"]
    assert list(patch.options.replaceOnChanges) == ["metadata.annotations"]
    assert patch.options.deleteBeforeReplace
    assert patch.options.retainOnDelete
