"""`cluster.fresh`: the played cluster as it was at first, sooner than a new one."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster import cluster, control_plane
from dev.cluster.kubectl import apply, find, kubectl
from dev.cluster.nodes import CARD, PLAIN, TAINT
from dev.machine import daemons
from dev.machine.instance import Instance
from tests.engine.played import INSTANCE

# Not the other tests' machine, where `down` would end their Postgres.
CLEAN = Instance(f"{INSTANCE.name[:11]}-cl")
KINDS = "namespaces,nodes,persistentvolumes,storageclasses,clusterroles,pods,deployments,jobs"


@pytest.fixture(scope="module")
def machine() -> Iterator[Instance]:
    cluster.reset(CLEAN)
    try:
        cluster.fresh(CLEAN)  # of nothing: it makes the cluster
        yield CLEAN
    finally:
        cluster.reset(CLEAN)
        shutil.rmtree(CLEAN.state, ignore_errors=True)


@pytest.fixture(scope="module")
def first(machine: Instance) -> dict[str, Any]:
    """What there is after the very first `up`."""
    return described(machine)


def described(machine: Instance) -> dict[str, Any]:
    kube_system = find(machine, "namespace", "kube-system")
    assert kube_system
    objects = kubectl(machine, "get", KINDS, "--all-namespaces", "--output=name").split()
    return {"uid": kube_system["metadata"]["uid"], "objects": objects}


def deployment(name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "main", "image": "llm.local/played:1", **spec.pop("container", {})}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def pods_of(machine: Instance, *names: str) -> dict[str, str]:
    """Wait for Deployments; returns which node plays the pod of each."""
    kubectl(machine, "wait", "--for=condition=Available", "--timeout=300s", *(f"deployment/{name}" for name in names))
    shown = "jsonpath={range .items[*]}{.metadata.labels.app}={.spec.nodeName} {end}"
    return dict(pair.split("=") for pair in kubectl(machine, "get", "pods", f"--output={shown}").split())


def litter(machine: Instance) -> None:
    """Things in a namespace of their own, and things that no namespace takes along."""
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "hostPath": {"path": "/srv"},
    }
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "left-over"}}
    apply(
        machine,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "left-over"}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "left-over"}, "spec": volume},
        {**role, "rules": []},
        deployment("left-over"),
    )
    pods_of(machine, "left-over")
    kubectl(machine, "label", "node", CARD, "nvidia.com/gpu.present-")
    kubectl(machine, "delete", "node", PLAIN)


def test_fresh_leaves_exactly_what_there_was_after_the_first_up(machine: Instance, first: dict[str, Any]) -> None:
    names = ("etcd", "kwok", *control_plane.PARTS)
    for _ in range(2):
        before = {name: daemons.pid_of(machine, name) for name in names}
        forward = daemons.pid_of(machine, "forward-api")
        litter(machine)
        assert described(machine) != first

        cluster.fresh(machine)

        assert described(machine) == first, "a stack knows its cluster by this uid, and a test finds what another left"
        after = {name: daemons.pid_of(machine, name) for name in names}
        assert not set(after.values()) & {*before.values(), None}, "a process that stayed remembers what is gone"
        assert daemons.pid_of(machine, "forward-api") == forward


def test_pods_are_played_again_and_only_those_that_may_on_the_node_with_the_card(
    machine: Instance, first: dict[str, Any]
) -> None:
    cluster.fresh(machine)
    slices = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    apply(machine, deployment("plain"), deployment("card", container=slices, tolerations=[TAINT]))

    assert pods_of(machine, "plain", "card") == {"plain": PLAIN, "card": CARD}

    cluster.fresh(machine)
    assert described(machine) == first


def test_fresh_after_down_is_the_first_cluster_too(machine: Instance, first: dict[str, Any]) -> None:
    litter(machine)
    cluster.down(machine)

    cluster.fresh(machine)

    assert described(machine) == first


def test_a_cluster_whose_first_state_was_not_kept_is_made_anew(machine: Instance, first: dict[str, Any]) -> None:
    litter(machine)
    shutil.rmtree(machine.state / "etcd-first")  # as after an `up` that was interrupted

    cluster.fresh(machine)

    again = described(machine)
    assert again["objects"] == first["objects"]
    assert again["uid"] != first["uid"]
    assert (machine.state / "etcd-first").exists()
