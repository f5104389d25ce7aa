"""The embedded cluster for real: pods, Services, DNS, the GPU it claims, and what it leaves behind (nothing)."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import cluster, host
from dev.cluster.kubectl import apply, find, kubectl
from dev.cluster.nodes import NODE, TAINT
from dev.cluster.played import stand_ins
from dev.images import images
from dev.machine import daemons
from dev.machine.forward import forward
from dev.machine.instance import SERVICE_CIDR, Instance
from dev.machine.steps import DevError

INSTANCE = Instance("t-cluster")
HTTP = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, h.ThreadingHTTPServer, port=8080)"
LOOK_UP = """
import socket, urllib.request
for name in ("kubernetes.default.svc", "web", "web.llama-cpp.svc.cluster.local"):
    print(name, socket.gethostbyname(name))
try:
    print("outside", socket.gethostbyname("example.com"))
except socket.gaierror as error:
    print("outside", error.errno == socket.EAI_NONAME)
print("web answers", urllib.request.urlopen("http://web:8080/etc/hostname").status)
"""


def _machine(instance: Instance) -> Iterator[Instance]:
    yield instance
    cluster.down(instance)
    host.remove(instance.state)


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return _host()


@pytest.fixture(scope="module")
def machine(before: dict[str, str]) -> Iterator[Instance]:  # noqa: ARG001 - the host is described before it starts
    for instance in _machine(INSTANCE):
        cluster.up(instance)
        stand_ins.ensure(instance, images.ensure(instance)["runtime"])
        yield instance


@pytest.fixture
def played() -> Iterator[Instance]:
    yield from _machine(Instance("t-kwok"))


def _host() -> dict[str, str]:
    """What a cluster could change on the host outside its own directories."""
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    links = subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True, check=True).stdout
    rules = "\n".join(line for line in rules.splitlines() if line[:1] not in "#:")  # without dates and counters
    return {"rules": rules, "links": links}


def _pod(name: str, program: str, image: str, gpus: int = 0, **spec: Any) -> dict[str, Any]:
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    container = {
        "name": "python",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-I", "-S", "-c", program],
        "resources": {"limits": limits},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    user = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": stand_ins.NAMESPACE, "labels": {"app": name}},
        "spec": {
            "containers": [container],
            "securityContext": user,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def _web(instance: Instance) -> str:
    """A hardened pod that holds a GPU behind a Service; returns the Service's address."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": stand_ins.NAMESPACE},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080}]},
    }
    apply(instance, _pod("web", HTTP, images.references()["runtime"], gpus=1), service)
    _wait(instance, "condition=Ready", "pod/web")
    found = find(instance, "service", "web", stand_ins.NAMESPACE)
    assert found
    return found["spec"]["clusterIP"]


def _wait(instance: Instance, what: str, *objects: str, namespace: str = stand_ins.NAMESPACE) -> None:
    kubectl(instance, "wait", f"--for={what}", "--timeout=300s", "--namespace", namespace, *objects)


def _get(url: str) -> int:
    """Status of a GET; the pod behind the Service may have been ready before the Service's rules were."""
    deadline = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - a URL of this test's own
                return answer.status
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_hardened_pod_is_reached_through_its_service_from_the_host(machine: Instance) -> None:
    address, port = _web(machine), machine.ports.base + 10

    forward(machine, "forward-web", {port: f"{address}:8080"})

    assert address.startswith(SERVICE_CIDR.split(".0")[0])
    assert _get(f"http://127.0.0.1:{port}/etc/debian_version") == 200


def test_pods_resolve_services_by_name_and_learn_at_once_that_there_is_no_outside(machine: Instance) -> None:
    address = _web(machine)

    apply(machine, _pod("look-up", LOOK_UP, images.references()["runtime"], restartPolicy="Never"))
    _wait(machine, "jsonpath={.status.phase}=Succeeded", "pod/look-up")

    said = kubectl(machine, "logs", "--namespace", stand_ins.NAMESPACE, "look-up").splitlines()
    assert said == [
        "kubernetes.default.svc 10.96.0.1",
        f"web {address}",
        f"web.llama-cpp.svc.cluster.local {address}",
        "outside True",
        "web answers 200",
    ]


def test_the_namespace_refuses_a_pod_that_is_not_hardened(machine: Instance) -> None:
    careless = _pod("careless", HTTP, "llm.local/any:1")
    del careless["spec"]["securityContext"]

    with pytest.raises(DevError, match='violates PodSecurity "restricted'):
        apply(machine, careless)


def test_more_gpus_than_the_hundred_advertised_are_not_scheduled(machine: Instance) -> None:
    apply(machine, _pod("greedy", HTTP, images.references()["runtime"], gpus=101))

    _wait(machine, "condition=PodScheduled=false", "pod/greedy")

    greedy = find(machine, "pod", "greedy", stand_ins.NAMESPACE)
    assert greedy
    assert "Insufficient nvidia.com/gpu" in greedy["status"]["conditions"][0]["message"]


def test_the_other_tenant_has_no_ttl_and_its_owners_later_changes_stay(machine: Instance) -> None:
    _wait(machine, "condition=Available", f"deployment/{stand_ins.IMMICH}", namespace=stand_ins.IMMICH_NAMESPACE)
    deployment = find(machine, "deployment", stand_ins.IMMICH, stand_ins.IMMICH_NAMESPACE)
    assert deployment
    env = [(item["name"], item["value"]) for item in deployment["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert env.index(("MACHINE_LEARNING_MODEL_TTL", "0")) > 2, "a patch must find it behind other entries"
    where = ["--namespace", stand_ins.IMMICH_NAMESPACE, f"deployment/{stand_ins.IMMICH}"]
    managers = kubectl(machine, "get", *where, "--show-managed-fields", "--output=jsonpath={..manager}").split()
    assert stand_ins.OWNER in managers
    assert "local-llm" not in managers

    kubectl(machine, "label", *where, "app.kubernetes.io/name=renamed", "--overwrite")
    stand_ins.ensure(machine, "llm.local/other:1")

    after = find(machine, "deployment", stand_ins.IMMICH, stand_ins.IMMICH_NAMESPACE)
    assert after
    assert after["metadata"]["labels"]["app.kubernetes.io/name"] == "renamed"
    assert after["spec"] == deployment["spec"]


def test_a_gpu_that_was_lost_is_advertised_again(machine: Instance) -> None:
    gone = json.dumps({"status": {"capacity": {"nvidia.com/gpu": "0"}, "allocatable": {"nvidia.com/gpu": "0"}}})
    kubectl(machine, "patch", "node", NODE, "--subresource=status", "--type=merge", "--patch", gone)

    cluster.up(machine)

    node = find(machine, "node", NODE)
    assert node
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "100"


def test_parts_that_died_come_back_and_a_pod_keeps_its_gpu_meanwhile(machine: Instance) -> None:
    _web(machine)
    pod = find(machine, "pod", "web", stand_ins.NAMESPACE)
    killed = {name: daemons.pid_of(machine, name) for name in ("kubelet", "etcd", "coredns")}
    others = {name: daemons.pid_of(machine, name) for name in ("containerd", "kube-apiserver", "kube-proxy")}
    for pid in killed.values():
        assert pid
        os.kill(pid, signal.SIGKILL)

    cluster.up(machine)

    assert all(daemons.pid_of(machine, name) not in (None, pid) for name, pid in killed.items())
    assert {name: daemons.pid_of(machine, name) for name in others} == others, "what is healthy is left alone"
    again = find(machine, "pod", "web", stand_ins.NAMESPACE)
    assert pod
    assert again
    assert again["status"]["phase"] == "Running", again["status"]
    assert (
        again["status"]["containerStatuses"][0]["containerID"] == pod["status"]["containerStatuses"][0]["containerID"]
    )


def _shims(instance: Instance) -> set[str]:
    """The sockets of the instance's containers, which lie in a directory of the whole machine."""
    return {Path(file.read_text()).name for file in (instance.run / "containerd").glob("*/k8s.io/*/address")}


def test_down_leaves_nothing_and_up_continues_with_the_same_cluster(machine: Instance, before: dict[str, str]) -> None:
    _web(machine)
    identity = find(machine, "namespace", "kube-system")
    shims = _shims(machine)

    cluster.down(machine)

    assert daemons.members(machine) == set()
    assert not [line for line in Path("/proc/mounts").read_text().splitlines() if machine.name in line]
    assert machine.cgroup not in [Path(group).name for group, _, _ in os.walk("/sys/fs/cgroup")]
    assert not Path("/run/netns", machine.netns).exists()
    assert not machine.run.exists()
    assert not [path for path in Path("/var/log/containers").glob("*") if str(machine.state) in str(path.readlink())]
    assert not list(Path("/var/lib/cni/results").glob(f"*{machine.name}-*"))
    assert shims
    assert not shims & set(os.listdir("/run/containerd/s"))
    assert _host() == before

    cluster.up(machine)
    again = find(machine, "namespace", "kube-system")
    assert identity
    assert again
    assert again["metadata"]["uid"] == identity["metadata"]["uid"]
    _wait(machine, "condition=Ready", "pod/web")


def test_played_nodes_run_deployments_and_complete_jobs_beside_the_real_one(played: Instance) -> None:
    cluster.up(played, nodes="kwok")
    stand_ins.ensure(played, "llm.local/played:1")
    pod = _pod("work", HTTP, "llm.local/played:1", gpus=100, restartPolicy="Never", tolerations=[TAINT])
    work = {"metadata": {"name": "work", "namespace": stand_ins.NAMESPACE}, "spec": {"template": {"spec": pod["spec"]}}}
    apply(played, {"apiVersion": "batch/v1", "kind": "Job", **work})

    _wait(played, "condition=Available", f"deployment/{stand_ins.IMMICH}", namespace=stand_ins.IMMICH_NAMESPACE)
    kubectl(
        played, "scale", "--namespace", stand_ins.IMMICH_NAMESPACE, f"deployment/{stand_ins.IMMICH}", "--replicas=0"
    )
    _wait(played, "condition=Complete", "job/work")
    with pytest.raises(DevError, match="runs with kwok"):
        cluster.up(played, nodes="real")
