"""The operator's stacks, as committed, on a clean played cluster: everything by name, nothing to do a second time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.cluster import cluster, nodes
from dev.cluster.kubectl import kubectl
from dev.cluster.played import stand_ins
from dev.commands.up import cluster_id
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import Facts, complete
from tests.engine.played import Stack, image


@pytest.fixture(params=["prod", "local"])
def whole(machine: Instance, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A committed stack with nothing changed in it but the cluster's uid, on a cluster with what an operator has."""
    cluster.fresh(machine)
    stand_ins.ensure(machine, image("immich"))
    raw = complete(request.param, Facts(cluster_id(machine.kubeconfig)))
    name = f"{request.param}-{request.node.originalname[-20:]}".replace("_", "-")
    stack = Stack(PulumiCli(machine, name, machine.kubeconfig, postgres.environment(machine)), raw)
    stack.write()
    stack.cli.prepare()
    yield stack
    cluster.fresh(machine)


def test_everything_is_there_by_name_and_a_preview_is_empty_from_anywhere(whole: Stack, tmp_path: Path) -> None:
    whole.up()

    _volume_is_bound(whole)
    for model_id in whole.raw["models"]:
        job = whole.get("job", f"fetch-{model_id}")
        assert job["status"]["succeeded"] == 1
        assert json.loads(job["spec"]["template"]["spec"]["containers"][0]["args"][2])["id"] == model_id
    _server_answers_where_consumers_look(whole)
    _tenant_unloads(whole)
    namespace = json.loads(kubectl(whole.cli.instance, "get", "namespace", "llama-cpp", "-o", "json"))
    assert namespace["metadata"]["labels"]["app.kubernetes.io/part-of"] == "local-llm"

    assert whole.unchanged()
    assert whole.unchanged("--refresh")
    assert whole.unchanged(**whole.elsewhere(tmp_path)), "another machine's path, home or namespace is no difference"


def test_a_destroy_and_another_up_keep_volume_and_claim(whole: Stack) -> None:
    def kept() -> set[str]:
        parts = (whole.get("pv", "llama-cpp-llamacpp-models"), whole.get("pvc", "llamacpp-models"))
        return {part["metadata"]["uid"] for part in parts}

    whole.up()
    before = kept()

    destroyed = whole.pulumi("destroy", "--yes", "--exclude-protected")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    left = kubectl(whole.cli.instance, "get", "deploy,job,svc,configmap,secret", "-n", "llama-cpp", "-o", "name")
    assert left.split() == ["configmap/kube-root-ca.crt"]
    assert kept() == before
    _tenant_unloads(whole)

    whole.up()
    assert kept() == before
    assert whole.unchanged()


def _volume_is_bound(stack: Stack) -> None:
    wanted = stack.raw["volume"]
    volume, claim = stack.get("pv", "llama-cpp-llamacpp-models"), stack.get("pvc", "llamacpp-models")
    assert (volume["status"]["phase"], claim["status"]["phase"]) == ("Bound", "Bound")
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert claim["status"]["capacity"]["storage"] == f"{wanted['size_gib']}Gi"
    assert volume["spec"]["accessModes"] == claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    if "nfs" in wanted:
        csi = volume["spec"]["csi"]
        assert csi["driver"] == "nfs.csi.k8s.io"
        assert csi["volumeAttributes"] == {"server": wanted["nfs"]["server"], "share": wanted["nfs"]["path"]}
        assert "hard" in volume["spec"]["mountOptions"]
    else:
        assert volume["spec"]["local"]["path"] == wanted["local"]["path"]
        (pods,) = {pod["spec"]["nodeName"] for pod in _pods(stack, "fetch")}
        assert pods == wanted["local"]["node"], "a disk of one node holds its pods there"


def _server_answers_where_consumers_look(stack: Stack) -> None:
    deployment, service = stack.get("deployment", "llama-swap"), stack.get("service", "llama-swap")
    assert stack.namespace == "llama-cpp", "consumers ask llama-swap.llama-cpp.svc.cluster.local:8080"
    assert deployment["status"]["availableReplicas"] == 1
    assert [port["port"] for port in service["spec"]["ports"]] == [8080]
    (pod,) = _pods(stack, "server")
    assert pod["spec"]["nodeName"] == nodes.CARD
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    server, mounted = pod["spec"]["containers"][0], {v["name"]: v for v in pod["spec"]["volumes"]}
    assert server["image"] == stack.raw["server"]["image"]
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "1"
    files = stack.get("configmap", mounted["config"]["configMap"]["name"])
    assert files["immutable"]
    models = yaml.safe_load(files["data"]["llama-swap.yaml"])["models"]
    assert models.keys() == stack.raw["models"].keys()
    assert {entry["ttl"] for entry in models.values()} == {stack.raw["server"]["ttl_s"]}


def _tenant_unloads(stack: Stack) -> None:
    container = stack.get("deployment", stand_ins.IMMICH, stand_ins.IMMICH_NAMESPACE)["spec"]["template"]["spec"][
        "containers"
    ][0]
    assert {"name": "MACHINE_LEARNING_MODEL_TTL", "value": str(stack.raw["immich"]["model_ttl_s"])} in container["env"]
    assert len(container["env"]) > 1, "the owner's own entries stay"


def _pods(stack: Stack, component: str) -> list[dict[str, dict[str, object]]]:
    label = f"app.kubernetes.io/part-of=local-llm,app.kubernetes.io/component={component}"
    found = kubectl(stack.cli.instance, "get", "pods", "-n", stack.namespace, "-l", label, "-o", "json")
    return json.loads(found)["items"]
