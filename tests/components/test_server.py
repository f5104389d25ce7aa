"""What the model server's component wires together: pod, preflight, Service, key."""

import pytest

from ops.render.recorder import PASSWORD, SECRET_SIGNATURE, Recorder, build
from plan.plan import Plan
from tests import stacks
from tests.components.built import pod_of, preflight_of, server
from tests.plans import planned


def test_a_config_map_is_immutable_and_auto_named_and_mounted_by_that_name(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    (config_map,) = recorder.of("ConfigMap")
    assert config_map.inputs["immutable"]
    assert "name" not in config_map.inputs["metadata"], "only an auto-named one is replaced before it is removed"
    mounted = {v["name"]: v["configMap"]["name"] for v in pod_of(recorder, "Deployment")["volumes"] if "configMap" in v}
    assert mounted == {"config": f"{config_map.name}-0000000", "scripts": "scripts-0000000"}


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


@pytest.mark.parametrize("wished", [None, "gpu-serving"])
def test_a_priority_class_is_the_operators_choice(recorder: Recorder, wished: str | None) -> None:
    build(lambda: server(planned("t4", server={**stacks.raw("t4")["server"], "priority_class": wished})))

    assert pod_of(recorder, "Deployment").get("priorityClassName") == wished


@pytest.mark.parametrize("wished", [None, "nvidia"])
def test_server_and_preflight_run_with_the_nodes_runtime_class(recorder: Recorder, wished: str | None) -> None:
    """Without it an engine finds no driver where the node's default runtime brings none."""
    gpu = stacks.raw("t4")["gpu"]
    node = {**gpu["node"], "runtime_class": wished}
    build(lambda: server(planned("t4", gpu={**gpu, "node": node})))

    assert pod_of(recorder, "Deployment").get("runtimeClassName") == wished
    assert preflight_of(recorder).inputs["spec"]["template"]["spec"].get("runtimeClassName") == wished


def test_labels_and_annotations_of_the_pod_are_the_operators_choice_beside_our_own(recorder: Recorder) -> None:
    own = {**stacks.raw("t4")["server"], "pod_labels": {"team": "ml"}, "pod_annotations": {"a.example/b": "c\nd"}}
    build(lambda: server(planned("t4", server=own)))

    (deployment,) = recorder.of("Deployment")
    spec = deployment.inputs["spec"]
    metadata = spec["template"]["metadata"]
    assert metadata["labels"]["team"] == "ml"
    assert spec["selector"]["matchLabels"].items() <= metadata["labels"].items()
    assert "team" not in spec["selector"]["matchLabels"], "a selector cannot be changed later"
    assert metadata["annotations"] == {"a.example/b": "c\nd"}


def test_a_pod_without_annotations_has_no_empty_mapping_of_them(recorder: Recorder, plan: Plan) -> None:
    build(lambda: server(plan))

    (deployment,) = recorder.of("Deployment")
    assert "annotations" not in deployment.inputs["spec"]["template"]["metadata"]


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
