"""gpu.memory on the played cluster: it is counted, a preview stays empty, and what would not fit is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import nodes
from dev.cluster.kubectl import apply, kubectl
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.tools import tools
from plan.base.names import SERVER
from plan.live.question import KINDS
from tests.engine.played import INSTANCE, Stack, image
from tests.plugin.waiting import until

RESOURCE = "viktorbarzin.me/gpumem"
MEMORY = {"resource": RESOURCE, "budget_mib": 14000, "request_mib": 5000}


def offer(mib: int | None) -> None:
    """What an administrator does by hand, or takes back."""
    offered = {RESOURCE: None if mib is None else str(mib)}
    body = json.dumps({"status": {"capacity": offered, "allocatable": offered}})
    kubectl(INSTANCE, "patch", "node", nodes.CARD, "--subresource=status", "--type=merge", f"--patch={body}")


@pytest.fixture(scope="module")
def offering(machine: Instance) -> Iterator[Instance]:
    """Once for all: kwok's next sign of life comes half a minute after the last change of its node."""
    offer(14000)
    yield machine
    offer(None)


@pytest.fixture
def declared(offering: Instance, stack: Stack) -> Stack:
    """The stack with gpu.memory, on a node that offers it and that nobody has any of."""
    pods = ("get", "pods", "--all-namespaces", "-o", "jsonpath={..resources.requests}")
    until(lambda: RESOURCE not in kubectl(offering, *pods))  # those of the test before
    stack.raw["gpu"] |= {"model": "t4", "memory": dict(MEMORY)}
    return stack


def tenant(stack: Stack, name: str, mib: int) -> None:
    """Somebody else's pod on the node with the card, beside the stack's own."""
    asked = {"nvidia.com/gpu": "1", RESOURCE: str(mib)}
    container = {"name": "main", "image": image("tenant"), "resources": {"requests": asked, "limits": asked}}
    metadata = {"name": name, "namespace": f"{stack.namespace}-immich"}
    spec = {"nodeName": nodes.CARD, "containers": [container], "tolerations": [nodes.TAINT]}
    apply(INSTANCE, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def there(stack: Stack) -> dict[str, tuple[str, str]]:
    """uid and resourceVersion of what a replacement would change."""
    listed = kubectl(INSTANCE, "get", "deployment,replicaset,pod,configmap,job", "-n", stack.namespace, "-o", "json")
    return {
        f"{item['kind']}/{item['metadata']['name']}": (item["metadata"]["uid"], item["metadata"]["resourceVersion"])
        for item in json.loads(listed)["items"]
    }


def requested(stack: Stack) -> list[dict[str, Any]]:
    (server,) = stack.get("deployment", "llama-swap")["spec"]["template"]["spec"]["containers"]
    return [server["resources"][kind][RESOURCE] for kind in ("requests", "limits")]


def test_a_second_preview_is_empty_also_where_the_api_server_shortens_the_number(declared: Stack) -> None:
    declared.up()

    assert requested(declared) == ["5k", "5k"]
    assert declared.unchanged()
    assert declared.unchanged("--refresh")

    declared.raw["gpu"]["memory"]["request_mib"] = 7100
    assert set(declared.steps()) == {"llama-swap-deployment"}
    declared.up()
    assert requested(declared) == ["7100", "7100"]
    assert declared.unchanged("--refresh")


def test_an_undeclared_tenant_is_named_and_changes_nothing(declared: Stack, tmp_path: Path) -> None:
    declared.up()
    tenant(declared, "newcomer", 1000)

    said = declared.pulumi("preview", "--expect-no-changes")

    assert said.returncode == 0, said.stdout + said.stderr
    who = f"{declared.namespace}-immich/newcomer: 1 pod, newcomer; requested: 1 of the slice and 1000 MiB"
    assert who in said.stdout
    assert who in declared.pulumi("preview", **declared.elsewhere(tmp_path)).stdout, "as from another machine"
    declared.raw["gpu"]["tenants"] = {"guest": {"peak_mib": 1000, "workload": f"{declared.namespace}-immich/newcomer"}}
    assert "newcomer" not in declared.pulumi("preview").stdout


def test_a_server_that_others_leave_no_room_for_is_refused_before_anything_is_replaced(declared: Stack) -> None:
    declared.up()
    tenant(declared, "hog", 8600)
    before = there(declared)
    declared.raw["gpu"]["memory"]["request_mib"] = 7100

    for command in (("preview",), ("up", "--yes", "--skip-preview"), ("up", "--yes")):
        refused = declared.pulumi(*command)

        assert refused.returncode != 0, f"{command} would have replaced a server by one that waits for ever"
        assert f"{declared.namespace}-immich/hog (hog)" in refused.stdout
        assert "left for this server" in refused.stdout
        assert "too much by" in refused.stdout
        assert "1700" in refused.stdout
        assert "Traceback" not in refused.stdout + refused.stderr
    assert there(declared) == before

    kubectl(INSTANCE, "delete", "pod", "hog", "-n", f"{declared.namespace}-immich")
    declared.up()
    assert requested(declared) == ["7100", "7100"]


def test_who_may_not_list_pods_is_told_which_right_is_missing(declared: Stack, tmp_path: Path) -> None:
    declared.up()
    programs = tmp_path / "bin"
    programs.mkdir()
    real = tools.path("kubectl") / "kubectl"
    (programs / "kubectl").write_text(f'#!/bin/sh\nexec {real} "$@" --as=nobody\n')
    (programs / "kubectl").chmod(0o755)
    path = f"{programs}:{declared.cli.environment()['PATH']}"

    refused = declared.pulumi("preview", PATH=path)
    del declared.raw["gpu"]["memory"]
    noted = declared.pulumi("preview", PATH=path)

    assert refused.returncode != 0
    assert 'cannot list resource "pods"' in refused.stdout
    assert f"kubectl get {','.join(KINDS)} -A" in refused.stdout
    assert noted.returncode == 0, noted.stdout + noted.stderr
    assert 'cannot list resource "pods"' in noted.stdout, "a note, since nothing depends on it"


def test_who_advertises_comes_before_the_server_and_goes_with_the_stack(declared: Stack) -> None:
    role = ("get", "clusterrole,clusterrolebinding", f"{declared.namespace}-gpumem-advertise", "-o", "name")
    declared.raw["gpu"]["memory"]["advertise"] = "managed"
    declared.up()

    made = [declared.get("deployment", name)["metadata"]["creationTimestamp"] for name in ("gpumem-advertise", SERVER)]
    assert made == sorted(made), "a server that came first would wait for what nobody offers"
    assert len(kubectl(INSTANCE, *role).split()) == 2
    assert _may(declared, "patch", "nodes", "--subresource=status")
    assert not _may(declared, "patch", "nodes")
    assert declared.unchanged()
    assert declared.unchanged("--refresh")

    declared.raw["gpu"]["memory"]["advertise"] = "external"
    assert set(declared.steps().values()) == {"delete"}, "the server stays as it is"
    declared.up()
    assert kubectl(INSTANCE, *role, "--ignore-not-found") == ""
    assert declared.unchanged("--refresh")


def _may(stack: Stack, *what: str) -> bool:
    who = f"--as=system:serviceaccount:{stack.namespace}:gpumem-advertise"
    try:
        return kubectl(INSTANCE, "auth", "can-i", *what, who).strip() == "yes"
    except DevError:  # it ends with 1 when the answer is no
        return False
