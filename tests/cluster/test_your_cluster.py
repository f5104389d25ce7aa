"""`make up CLUSTER=current` on a cluster that is there already: here the embedded one, reached by its kubeconfig."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster import cluster, kubectl, nodes
from dev.images import images
from dev.machine import daemons
from dev.machine.instance import HUB_PORT, NODE_IP, Instance
from plan import config
from tests.checkout import copy_with_example
from tests.cluster.embedded import INSTANCE, chat, dev, get, request
from tests.stacks import raw

MINE = Instance("test-current")
MODEL = "gemma-3-270m-q4"


@pytest.fixture
def checkout(output: str, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - the cluster runs
    """A copy of this checkout whose own stack file names images, volume and hub."""
    copy_with_example(tmp_path)
    models = INSTANCE.state / "models-of-mine"
    models.mkdir(exist_ok=True)
    os.chown(models, cluster.POD_UID, cluster.POD_UID)
    value = raw("cpu")
    value["namespace"] = "mine"
    value["volume"]["local"] = {"path": str(models), "node": nodes.NODE}
    value["models"] = {MODEL: value["models"][MODEL]}
    value["server"]["image"] = value["fetch"]["image"] = images.references()["runtime"]
    value["fetch"]["endpoint"] = f"http://{NODE_IP}:{HUB_PORT}"
    del value["cluster"], value["immich"]
    write(tmp_path, value)
    yield tmp_path
    dev("clean", "--cluster", "current", "--instance", MINE.name, cwd=tmp_path)


def write(checkout: Path, value: dict[str, Any]) -> None:
    content = {"config": {"pulumi:disable-default-providers": ["kubernetes"], config.KEY: value}}
    (checkout / "Pulumi.mine.yaml").write_text(yaml.safe_dump(content))


def up(checkout: Path, kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    where = ["--cluster", "current", "--stack", "mine", "--instance", MINE.name]
    return dev("up", *where, cwd=checkout, KUBECONFIG=str(kubeconfig))


def namespaces() -> set[str]:
    return {item["metadata"]["name"] for item in get("namespace")["items"]}


def limited(tmp_path: Path) -> Path:
    """A kubeconfig that may look at everything and change nothing."""
    name = ["--namespace", "default", "looker"]
    kubectl.kubectl(INSTANCE, "create", "serviceaccount", *name)
    binding = ["looker", "--clusterrole=view", "--serviceaccount=default:looker"]
    kubectl.kubectl(INSTANCE, "create", "clusterrolebinding", *binding)
    content = yaml.safe_load(INSTANCE.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": kubectl.kubectl(INSTANCE, "create", "token", *name).strip()}
    path = tmp_path / "limited.kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


def test_who_may_not_create_namespaces_is_told_so_and_nothing_is_created(checkout: Path, tmp_path: Path) -> None:
    before = namespaces()

    refused = up(checkout, limited(tmp_path))

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "error: the namespace mine does not exist, and this kubeconfig may not create it" in refused.stderr
    assert "next: ask someone who may for `kubectl create namespace mine`" in refused.stderr
    assert namespaces() == before
    assert not MINE.run.exists(), "nothing was started"


def test_a_stack_with_its_own_images_and_volume_is_deployed_and_answers_and_nothing_is_built(checkout: Path) -> None:
    done = up(checkout, INSTANCE.kubeconfig)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"asking {MODEL}: " in done.stdout
    assert f"{MODEL}: " in done.stdout.partition("tokens/s")[0].rpartition("\n")[2]
    assert not {"building", "importing"} & set(done.stdout.split())
    assert {path.stem for path in MINE.run.glob("*.pid")} == {"postgres", "forward-endpoint"}, "no cluster of its own"
    assert request("/v1/models", base=f"http://127.0.0.1:{MINE.ports.endpoint}")[0] == 401
    assert get("service", "-n", "mine")["items"][0]["spec"]["type"] == "ClusterIP"
    where = ["--cluster", "current", "--stack", "mine", "--instance", MINE.name]
    key = dev("key", *where, cwd=checkout, KUBECONFIG=str(INSTANCE.kubeconfig)).stdout.strip()
    assert chat(MODEL, key, f"http://127.0.0.1:{MINE.ports.endpoint}")[0] == 200

    again = up(checkout, INSTANCE.kubeconfig)
    assert " unchanged\n" in again.stdout
    assert dev("down", "--cluster", "current", "--instance", MINE.name, cwd=checkout).returncode == 0
    assert daemons.members(MINE) == set()
    assert get("deployment", "-n", "mine")["items"], "what runs in someone's cluster is not ours to stop"


def test_another_cluster_than_the_last_one_is_refused_before_anything_is_changed(checkout: Path) -> None:
    value = yaml.safe_load((checkout / "Pulumi.mine.yaml").read_text())["config"][config.KEY]
    write(checkout, {**value, "namespace": "never", "cluster": {"id": "00000000-0000-4000-8000-000000000000"}})

    refused = up(checkout, INSTANCE.kubeconfig)

    assert refused.returncode == 1
    assert "belongs to the cluster 00000000-0000-4000-8000-000000000000" in refused.stderr
    assert json.dumps(get("namespace", "kube-system")["metadata"]["uid"])[1:-1] in refused.stderr
    assert "never" not in namespaces()
