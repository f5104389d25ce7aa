"""A Kubernetes whose one node is played by kwok, and what the recordings found in theirs."""

from collections.abc import Iterator

import pytest

from dev.cluster import cluster
from dev.machine.instance import Instance
from dev.plugin.api.client import APPLY, Client
from dev.plugin.api.settings import Settings

INSTANCE = Instance("test-plugin")
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "node1",
        "annotations": {"kwok.x-k8s.io/node": "fake"},
        "labels": {"kubernetes.io/hostname": "node1"},
    },
    "status": {
        kind: {"cpu": "8", "memory": "16Gi", "pods": "100", "nvidia.com/gpu": "10"}
        for kind in ("capacity", "allocatable")
    },
}
POD = {
    "automountServiceAccountToken": False,
    "containers": [
        {
            "name": "immich-machine-learning",
            "image": "lab.local/base:1",
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-m", "http.server", "3003"],
            "env": [
                {"name": "TZ", "value": "UTC"},
                {"name": "MACHINE_LEARNING_PRELOAD__CLIP__TEXTUAL", "value": "ViT-B-16-SigLIP2__webli"},
            ],
        }
    ],
}
FOREIGN = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "immich-machine-learning", "namespace": "rec"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "iml"}},
        "template": {"metadata": {"labels": {"app": "iml"}}, "spec": POD},
    },
}


@pytest.fixture(scope="package")
def cluster_client() -> Iterator[Client]:
    """A client of an empty cluster; $KUBECONFIG names it as long as the tests run."""
    cluster.reset(INSTANCE)
    try:
        cluster.up(INSTANCE, nodes="kwok")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(INSTANCE.kubeconfig))
            client = Client(Settings())
            client.create(NODE, {})
            yield client
            client.close()
    finally:
        cluster.reset(INSTANCE)


@pytest.fixture(scope="package")
def lab(cluster_client: Client) -> Client:
    """The same with namespace `rec` and the Deployment that someone else owns there."""
    cluster_client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rec"}}, {})
    cluster_client.patch(FOREIGN, FOREIGN, APPLY, {"fieldManager": "kubectl"})
    return cluster_client
