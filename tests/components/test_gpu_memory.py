"""gpu.memory in the whole program: what is requested, who advertises it with which rights, and in which order."""

import json
from typing import Any

import pytest

from ops.render.recorder import Recorder, Registration
from tests import recorded, stacks

RESOURCE = "viktorbarzin.me/gpumem"
KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment")


def raw(**memory: Any) -> dict[str, Any]:
    value = stacks.raw("t4")
    value["gpu"]["memory"] = {"resource": RESOURCE, "budget_mib": 14000, "request_mib": 8000, **memory}
    return value


def one(recorder: Recorder, kind: str, name: str) -> Registration:
    (found,) = [r for r in recorder.of(kind) if r.name == name]
    return found


def pod_of(registration: Registration) -> dict[str, Any]:
    return registration.inputs["spec"]["template"]["spec"]


@pytest.fixture
def managed(recorder: Recorder) -> Recorder:
    recorded.run(raw(advertise="managed"))
    return recorder


@pytest.mark.parametrize("advertise", ["managed", "external"])
def test_the_server_requests_it_as_it_is_limited(recorder: Recorder, advertise: str) -> None:
    recorded.run(raw(advertise=advertise))

    (server,) = pod_of(one(recorder, "Deployment", "llama-swap-deployment"))["containers"]
    assert server["resources"]["requests"][RESOURCE] == server["resources"]["limits"][RESOURCE] == "8k"
    assert server["resources"]["requests"]["nvidia.com/gpu"] == "1", "beside its slice"


def test_where_someone_else_advertises_nobody_gets_a_right(recorder: Recorder) -> None:
    recorded.run(raw())

    assert recorder.of("Deployment")
    assert not [r for kind in KINDS[:3] for r in recorder.of(kind)]
    assert not [r for r in recorder.registered if r.type == "llm:gpu:GpuMemory"]


def test_the_server_comes_after_every_node_has_it(managed: Recorder) -> None:
    advertiser = one(managed, "Deployment", "gpu-memory-deployment")

    assert advertiser.urn in one(managed, "Deployment", "llama-swap-deployment").options.dependencies
    (container,) = pod_of(advertiser)["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_it_may_patch_the_status_of_nodes_and_nothing_else(managed: Recorder) -> None:
    role, binding = (
        one(managed, "ClusterRole", "gpu-memory-role"),
        one(managed, "ClusterRoleBinding", "gpu-memory-binding"),
    )

    assert role.inputs["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
    ]
    assert binding.inputs["roleRef"]["name"] == role.inputs["metadata"]["name"]
    (subject,) = binding.inputs["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "gpumem-advertise", "namespace": "llama-cpp"}


def test_what_lies_in_no_namespace_is_named_for_its_stack(managed: Recorder) -> None:
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        (found,) = managed.of(kind)
        assert found.inputs["metadata"]["name"] == "llama-cpp-gpumem-advertise"
        assert "namespace" not in found.inputs["metadata"]


def test_only_its_pod_has_a_token_and_no_pod_has_privileges(managed: Recorder) -> None:
    tokens = {
        r.name: pod_of(r)["automountServiceAccountToken"] for kind in ("Deployment", "Job") for r in managed.of(kind)
    }
    assert [name for name, has in tokens.items() if has] == ["gpu-memory-deployment"]
    assert one(managed, "ServiceAccount", "gpu-memory-account").inputs["automountServiceAccountToken"] is False

    pod = pod_of(one(managed, "Deployment", "gpu-memory-deployment"))
    assert pod["serviceAccountName"] == "gpumem-advertise"
    assert pod["securityContext"]["runAsNonRoot"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [volume["name"] for volume in pod["volumes"]] == ["scripts"], "it has no business with the models"


def test_it_may_run_anywhere_also_on_the_node_that_keeps_others_off(managed: Recorder) -> None:
    pod = pod_of(one(managed, "Deployment", "gpu-memory-deployment"))

    assert "nodeSelector" not in pod
    assert [toleration["key"] for toleration in pod["tolerations"]] == ["nvidia.com/gpu"]


def test_its_pods_are_not_the_servers(managed: Recorder) -> None:
    labels = one(managed, "Deployment", "gpu-memory-deployment").inputs["spec"]["template"]["metadata"]["labels"]
    (service,) = managed.of("Service")

    assert not service.inputs["spec"]["selector"].items() <= labels.items(), "requests would go to it"


def test_everything_of_it_is_under_its_component_with_the_standard_labels(managed: Recorder) -> None:
    for kind in KINDS:
        for found in (r for r in managed.of(kind) if r.name.startswith("gpu-memory")):
            assert "llm:gpu:GpuMemory$" in found.urn
            assert found.inputs["metadata"]["labels"]["app.kubernetes.io/part-of"] == "local-llm"
            assert found.inputs["metadata"]["labels"]["app.kubernetes.io/instance"] == "llama-cpp"


@pytest.mark.usefixtures("recorder")
def test_a_rendered_stack_has_the_rights_before_the_pod() -> None:
    paths = [path for path in recorded.render(raw(advertise="managed")) if "gpumem-advertise" in path]

    assert [path.rsplit("/", 1)[-1] for path in paths] == [
        "30-serviceaccount-gpumem-advertise.yaml",
        "50-clusterrole-llama-cpp-gpumem-advertise.yaml",
        "50-clusterrolebinding-llama-cpp-gpumem-advertise.yaml",
        "70-deployment-gpumem-advertise.yaml",
    ]
    assert len({path.split("/")[0] for path in paths}) == 1


def test_the_program_gets_the_order_that_was_planned(managed: Recorder) -> None:
    (container,) = pod_of(one(managed, "Deployment", "gpu-memory-deployment"))["containers"]
    command, flag, text = container["args"]

    assert (command, flag) == ("advertise", "--manifest")
    order = json.loads(text)
    assert (order["resource"], order["quantity"]) == (RESOURCE, "14k")
    assert order["listen"] == container["ports"][0]["containerPort"]
    assert order["role"] == managed.of("ClusterRole")[0].inputs["metadata"]["name"], "what a refusal names must exist"
