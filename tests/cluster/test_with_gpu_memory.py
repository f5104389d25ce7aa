"""gpu.memory with real pods: it is offered for ever, and a server that it does not suffice for changes nothing."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster import kubectl
from dev.cluster.nodes import GPU_LABEL, NODE
from dev.images import images
from dev.machine import daemons
from plan import config
from plan.kubernetes.quantity import whole
from tests.checkout import copy_to
from tests.cluster.embedded import INSTANCE, MODELS, NAMESPACE, answered, chat, dev, eventually, get, key, up

RESOURCE = "viktorbarzin.me/gpumem"
BUDGET_MIB = 4000


@dataclass
class Declared:
    """The dev stack with gpu.memory, in a copy of this checkout. No card is needed to declare one."""

    checkout: Path

    def write(self, **memory: Any) -> None:
        path = self.checkout / "Pulumi.dev.yaml"
        content = yaml.safe_load(path.read_text())
        gpu = content["config"][config.KEY]["gpu"]
        gpu |= {"model": "t4", "node": {"selector": GPU_LABEL}, "device": "any"}  # the image here knows the CPU alone
        gpu["memory"] = {"resource": RESOURCE, "budget_mib": BUDGET_MIB, "advertise": "managed", **memory}
        path.write_text(yaml.safe_dump(content))

    def up(self) -> str:
        done = dev("up", cwd=self.checkout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As a person runs it, with what `make env` gives a shell."""
        lines = subprocess.run(
            ["sh", "-c", f"{dev('env', cwd=self.checkout).stdout}\nenv -0"], capture_output=True, text=True, check=True
        ).stdout.split("\0")
        env = {**os.environ, **dict(line.split("=", 1) for line in lines if "=" in line)}
        argv = ["pulumi", *arguments, "--stack", "dev", "--config-file", env["STACK_FILE"], "--non-interactive"]
        return subprocess.run(argv, cwd=self.checkout, env=env, capture_output=True, text=True, check=False)

    def unchanged(self) -> bool:
        for flags in ([], ["--refresh"]):
            seen = self.pulumi("preview", "--expect-no-changes", *flags)
            print(seen.stdout, seen.stderr)
            if seen.returncode:
                return False
        return True


@pytest.fixture(scope="module")
def declared(output: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Declared]:  # noqa: ARG001 - it is up
    """It is up; afterwards the cluster has what this checkout says again."""
    made = Declared(copy_to(tmp_path_factory.mktemp("declared")))
    made.write()
    assert answered(made.up())
    yield made
    up()


def offered() -> list[str | None]:
    status = get("node", NODE)["status"]
    return [status[part].get(RESOURCE) for part in ("capacity", "allocatable")]


def server() -> dict[str, Any]:
    (pod,) = get("pod", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=server")["items"]
    return pod


def pod(name: str, mib: int) -> None:
    """Somebody else's, in the namespace default."""
    asked = {RESOURCE: str(mib)}
    image = images.references()["runtime"]
    container = {"name": "main", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"]}
    container["resources"] = {"requests": asked, "limits": asked}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    metadata = {"name": name, "namespace": "default"}
    kubectl.apply(INSTANCE, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def phase(name: str) -> str:
    return get("pod", name, "-n", "default")["status"]["phase"]


def test_the_node_offers_it_the_server_requests_it_and_nothing_differs_after(declared: Declared) -> None:
    requested = whole(server()["spec"]["containers"][0]["resources"]["requests"][RESOURCE])

    assert offered() == ["4k", "4k"]
    assert 0 < requested < BUDGET_MIB, "what the models need, by the headers of their files"
    assert chat(MODELS[0], key())[0] == 200
    assert declared.unchanged()


def test_a_server_that_others_leave_no_room_for_is_refused_and_the_old_one_stays(declared: Declared) -> None:
    pod("hog", 2000)
    eventually(lambda: phase("hog") == "Running")
    pod("too-late", BUDGET_MIB)
    before = server()["metadata"]["uid"], get("deployment", "llama-swap", "-n", NAMESPACE)["metadata"]["generation"]
    declared.write(request_mib=3000)
    try:
        refused = dev("up", cwd=declared.checkout)

        said = refused.stdout + refused.stderr
        assert refused.returncode == 1
        assert "default/hog (hog)" in said
        assert "left for this server" in said
        assert "too much by" in said
        assert "1000" in said
        after = server()["metadata"]["uid"], get("deployment", "llama-swap", "-n", NAMESPACE)["metadata"]["generation"]
        assert after == before
        assert chat(MODELS[0], key())[0] == 200
        (message,) = [c["message"] for c in get("pod", "too-late", "-n", "default")["status"]["conditions"]]
        assert f"Insufficient {RESOURCE}" in message, "it really is counted, so ours would have waited like this"
    finally:
        for name in ("hog", "too-late"):
            kubectl.kubectl(INSTANCE, "delete", "pod", name, "-n", "default", "--ignore-not-found")
        declared.write()

    assert dev("preview", cwd=declared.checkout).returncode == 0  # and it writes what Pulumi reads anew
    assert declared.unchanged(), "a refused run leaves nothing behind"


def test_a_node_that_registers_anew_offers_it_again(declared: Declared) -> None:
    before = get("node", NODE)["metadata"]["uid"]
    daemons.stop(INSTANCE, "kubelet")
    kubectl.kubectl(INSTANCE, "delete", "node", NODE)

    assert answered(declared.up())

    assert get("node", NODE)["metadata"]["uid"] != before
    eventually(lambda: offered() == ["4k", "4k"])
    assert declared.unchanged()


def test_what_a_person_takes_from_the_node_comes_back(declared: Declared) -> None:  # noqa: ARG001 - it is up
    taken = json.dumps({"status": {part: {RESOURCE: None} for part in ("capacity", "allocatable")}})
    kubectl.kubectl(INSTANCE, "patch", "node", NODE, "--subresource=status", "--type=merge", f"--patch={taken}")

    eventually(lambda: offered() == ["4k", "4k"])
    logs = kubectl.kubectl(INSTANCE, "logs", "deployment/gpumem-advertise", "-n", NAMESPACE)
    assert '"event": "advertised"' in logs
