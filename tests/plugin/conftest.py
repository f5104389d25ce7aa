"""A Kubernetes whose one node is played by kwok, and what the recordings found in theirs."""

from collections.abc import Iterator

import pytest

from dev.cluster import cluster
from dev.plugin.api.client import APPLY, Client
from dev.plugin.api.settings import Settings
from tests.plugin.lab import FOREIGN, INSTANCE, NODE


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
