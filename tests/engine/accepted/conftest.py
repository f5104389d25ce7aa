"""The API server of the played cluster, with what a generated stack expects to find there."""

from collections.abc import Iterator

import pytest

from dev.machine.instance import Instance
from tests.engine.accepted.dry_run import ApiServer, connected, deployment
from tests.generated_stacks import IMMICH, NAMESPACES


@pytest.fixture(scope="module")
def server(machine: Instance) -> Iterator[ApiServer]:
    with connected(machine.kubeconfig) as server:
        for name in sorted({*NAMESPACES, *IMMICH}):
            server.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for namespace, (name, container) in IMMICH.items():
            server.make(deployment(namespace, name, {"name": container or name, "image": "immich"}))
        yield server
