"""One stack with all that it can have, for every test of this directory."""

import json
from collections.abc import Iterator

import pytest

from dev.cluster import nodes
from dev.cluster.kubectl import kubectl
from dev.machine.instance import Instance
from tests.engine.mend.mending import NAME
from tests.engine.played import INSTANCE, Stack, new_stack, remove

_RESOURCE = "example.com/mend"


def _offer(mib: str | None) -> None:
    """GPU memory, as an administrator does by hand."""
    offered = {_RESOURCE: mib}
    body = json.dumps({"status": {"capacity": offered, "allocatable": offered}})
    kubectl(INSTANCE, "patch", "node", nodes.CARD, "--subresource=status", "--type=merge", f"--patch={body}")


@pytest.fixture(scope="package")
def deployed(machine: Instance) -> Iterator[Stack]:
    """A stack with all it can have, for all tests; each leaves it whole."""
    _offer("14k")
    stack = new_stack(machine, NAME)
    memory = {"resource": _RESOURCE, "budget_mib": 14000, "request_mib": 5000, "advertise": "managed"}
    stack.raw["gpu"] |= {"model": "t4", "memory": memory}
    stack.up()
    yield stack
    remove(machine, NAME)
    _offer(None)
