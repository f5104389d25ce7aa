"""Advertise: every node with the card has the resource, again after it registered anew, and whoever looks is told."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import stacks
from tests.plans import made
from tests.pods.advertise.advertising import BOTH, RESOURCE, Advertiser
from tests.pods.advertise.api_server import TOKEN, ApiServer, Fault, half, hang, nonsense, refuse, reset
from tests.pods.bench import until
from tests.pods.pythons import pythons
from tests.pods.shelf import of


@pytest.fixture
def api() -> Iterator[ApiServer]:
    server = ApiServer()
    server.register("k8s-node1", **{"nvidia.com_gpu.present": "true"})
    server.register("k8s-node2")
    yield server
    server.close()


@pytest.fixture
def advertiser(api: ApiServer, tmp_path: Path) -> Iterator[Advertiser]:
    made = Advertiser(api, tmp_path)
    yield made
    if made.process:
        made.process.kill()
        made.process.wait()


def test_the_nodes_with_the_card_have_it_and_no_others(advertiser: Advertiser) -> None:
    advertiser.start()
    advertiser.wait("ready")

    assert advertiser.api.offered("k8s-node1", RESOURCE) == BOTH
    assert advertiser.api.offered("k8s-node2", RESOURCE) == (None, None)
    assert advertiser.api.nodes["k8s-node1"]["status"]["capacity"]["nvidia.com/gpu"] == "100", "theirs stays"
    assert advertiser.get("/readyz") == (200, "ok\n")
    assert "local_llm_gpu_memory_advertised_nodes 1\n" in advertiser.get("/metrics")[1]


def test_what_is_there_is_left_alone(advertiser: Advertiser) -> None:
    advertiser.start()
    advertiser.wait("ready")
    asked = len(advertiser.api.asked)
    until(lambda: len(advertiser.api.asked) > asked + 5, "looking again")

    assert [method for method, _ in advertiser.api.asked].count("PATCH") == 1


def test_a_node_that_registers_anew_gets_it_back(advertiser: Advertiser) -> None:
    advertiser.start()
    advertiser.wait("ready")

    advertiser.api.register("k8s-node1", **{"nvidia.com_gpu.present": "true"})

    until(lambda: advertiser.api.offered("k8s-node1", RESOURCE) == BOTH, "advertising again")
    assert [method for method, _ in advertiser.api.asked].count("PATCH") == 2


@pytest.mark.parametrize("part", ["capacity", "allocatable"])
@pytest.mark.parametrize("found", ["0", "12k"])
def test_a_kubelet_that_zeroes_it_and_a_person_who_changes_it_are_overruled(
    advertiser: Advertiser, part: str, found: str
) -> None:
    advertiser.api.nodes["k8s-node1"]["status"]["capacity"][RESOURCE] = "14k"
    advertiser.api.nodes["k8s-node1"]["status"]["allocatable"][RESOURCE] = "14k"
    advertiser.api.nodes["k8s-node1"]["status"][part][RESOURCE] = found
    advertiser.start()

    line = advertiser.wait("advertised")

    assert line["had"][part] == found, "what was overruled is on record"
    assert advertiser.api.offered("k8s-node1", RESOURCE) == BOTH


def test_a_node_without_a_status_gets_one(advertiser: Advertiser) -> None:
    del advertiser.api.nodes["k8s-node1"]["status"]
    advertiser.start()

    advertiser.wait("ready")
    assert advertiser.api.offered("k8s-node1", RESOURCE) == BOTH


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (refuse(401, "Unauthorized"), "cannot list nodes: HTTP 401, Unauthorized; the token of this pod's"),
        (refuse(403, 'User "x" cannot list'), 'HTTP 403, User "x" cannot list; the ClusterRole and ClusterRoleBinding'),
        (refuse(403, "no", "PATCH"), "cannot patch the status of node k8s-node1: HTTP 403, no; the ClusterRole and"),
        (refuse(409, "Conflict", "PATCH"), "cannot patch the status of node k8s-node1: HTTP 409, Conflict"),
        (refuse(500, "etcd is slow"), "HTTP 500, etcd is slow"),
        (refuse(429, "too many"), "HTTP 429, too many"),
        (hang, "no usable answer from http://127.0.0.1"),
        (reset, "no usable answer from http://127.0.0.1"),
        (half, "no usable answer from http://127.0.0.1"),
        (nonsense, "the API server's list of nodes is unusable"),
    ],
    ids=["401", "403 list", "403 patch", "409", "500", "429", "slow", "reset", "half an answer", "nonsense"],
)
def test_it_says_what_is_wrong_once_and_goes_on_when_that_is_over(
    advertiser: Advertiser, fault: Fault, said: str
) -> None:
    advertiser.api.fault = fault
    if fault is hang:
        advertiser.manifest["timeout_s"] = 0.5
    advertiser.start()
    advertiser.wait("waiting", said)
    asked = len(advertiser.api.asked)
    until(lambda: len(advertiser.api.asked) > asked + 2, "trying again")

    code, body = advertiser.get("/readyz")
    assert code == 503, "`pulumi up` would go on without it"
    assert said in body
    assert advertiser.get("/healthz") == (200, "ok\n"), "a restart would not help"
    assert len([line for line in advertiser.lines() if said in line.get("reason", "")]) == 1
    assert "llama-cpp-gpumem-advertise" in body or "403" not in said, "which role is missing"

    advertiser.api.fault = None
    advertiser.wait("ready")
    assert advertiser.api.offered("k8s-node1", RESOURCE) == BOTH
    until(lambda: advertiser.get("/readyz")[0] == 200, "being ready")


def test_no_node_with_the_label_is_said_and_one_that_comes_later_is_served(advertiser: Advertiser) -> None:
    advertiser.api.nodes.pop("k8s-node1")
    advertiser.start()
    advertiser.wait("waiting", "no node has the labels nvidia.com/gpu.present=true")
    assert advertiser.get("/readyz")[0] == 503

    advertiser.api.register("k8s-node9", **{"nvidia.com_gpu.present": "true"})

    advertiser.wait("ready")
    assert advertiser.api.offered("k8s-node9", RESOURCE) == BOTH


def test_a_node_that_vanishes_between_look_and_patch_is_no_error_and_the_others_are_served(
    advertiser: Advertiser,
) -> None:
    api = advertiser.api
    api.register("k8s-node3", **{"nvidia.com_gpu.present": "true"})

    def vanish(_handler: object, method: str, path: str) -> bool:
        if method == "PATCH" and "k8s-node1" in path:
            api.nodes.pop("k8s-node1", None)
        return False

    api.fault = vanish
    advertiser.start()
    advertiser.wait("ready")

    until(lambda: "local_llm_gpu_memory_nodes 1\n" in advertiser.get("/metrics")[1], "one node less")
    assert api.offered("k8s-node3", RESOURCE) == BOTH
    assert not of(advertiser.lines(), "waiting")


def test_a_node_that_refuses_does_not_keep_the_others_from_it(advertiser: Advertiser) -> None:
    api = advertiser.api
    api.register("k8s-node3", **{"nvidia.com_gpu.present": "true"})

    def one(handler: Any, method: str, path: str) -> bool:
        return "k8s-node1" in path and refuse(500, "not this one")(handler, method, path)

    api.fault = one
    advertiser.start()
    advertiser.wait("waiting", "node k8s-node1: HTTP 500, not this one")

    assert api.offered("k8s-node3", RESOURCE) == BOTH
    assert advertiser.get("/readyz")[0] == 503


def test_a_token_that_was_replaced_is_used_and_never_shown(advertiser: Advertiser) -> None:
    advertiser.start()
    advertiser.wait("ready")
    advertiser.api.token = "the-next-one"
    advertiser.wait("waiting", "HTTP 401")

    (advertiser.credentials / "token").write_text("the-next-one")

    until(lambda: advertiser.get("/readyz")[0] == 200, "being ready again")
    assert TOKEN not in advertiser.log.read_text()
    assert "the-next-one" not in advertiser.log.read_text()


@pytest.mark.parametrize("python", pythons())
def test_every_supported_python_trusts_the_clusters_own_authority_and_no_other(tmp_path: Path, python: str) -> None:
    (authority, certificate), (other, _) = (_authority(tmp_path / name) for name in ("one", "two"))
    secured = ApiServer(certificate)
    advertiser = Advertiser(secured, tmp_path)
    try:
        secured.register("k8s-node1", **{"nvidia.com_gpu.present": "true"})
        (advertiser.credentials / "ca.crt").write_text(other.read_text())
        advertiser.start(python)
        advertiser.wait("waiting", "CERTIFICATE_VERIFY_FAILED")
        assert secured.asked == [], "the token must not reach a stranger"
        (advertiser.credentials / "ca.crt").write_text(authority.read_text())
        advertiser.wait("ready")
        assert secured.offered("k8s-node1", RESOURCE) == BOTH
    finally:
        if advertiser.process:
            advertiser.process.kill()
            advertiser.process.wait()
        secured.close()


def _authority(directory: Path) -> tuple[Path, Path]:
    """An authority, and a server's certificate with its key, without what Python 3.13 wants to see in them."""
    directory.mkdir()
    bare = "subjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n"
    (directory / "cnf").write_text(
        f"[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\n{bare}"
        f"[leaf]\nsubjectAltName=IP:127.0.0.1\n{bare}"
    )
    make = ["openssl", "req", "-config", "cnf", "-newkey", "rsa:2048", "-nodes"]
    sign = ["openssl", "x509", "-req", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    for command in (
        [*make, "-x509", "-days", "2", "-extensions", "ca", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt"],
        [*make, "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr"],
        [*sign, "-extfile", "cnf", "-extensions", "leaf", "-in", "server.csr", "-out", "server.crt"],
    ):
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
    both = directory / "server.pem"
    both.write_text((directory / "server.crt").read_text() + (directory / "server.key").read_text())
    return directory / "ca.crt", both


def test_sigterm_ends_it_at_once_and_leaves_the_node_as_it_is(advertiser: Advertiser) -> None:
    advertiser.manifest["poll_s"] = 600
    advertiser.start()
    advertiser.wait("ready")
    assert advertiser.process

    advertiser.process.send_signal(signal.SIGTERM)

    assert advertiser.process.wait(timeout=300) == 143
    assert advertiser.api.offered("k8s-node1", RESOURCE) == BOTH, "a rollout must not take memory from the others"


@pytest.mark.parametrize(
    "wrong",
    [{"selector": {}}, {"quantity": 14000}, {"resource": ""}, {"listen": "all"}, {"speed": 1}, {"poll_s": True}],
    ids=str,
)
def test_a_manifest_that_it_cannot_use_is_refused(advertiser: Advertiser, wrong: dict[str, Any]) -> None:
    advertiser.manifest |= wrong
    advertiser.start()
    assert advertiser.process

    assert advertiser.process.wait(timeout=300) == 78
    assert "the manifest is unusable" in of(advertiser.lines(), "failed")[0]["reason"]


def test_the_plans_order_is_one_that_it_accepts(advertiser: Advertiser) -> None:
    raw = stacks.raw("t4")
    raw["gpu"]["memory"] = {"resource": RESOURCE, "budget_mib": 14000, "advertise": "managed", "request_mib": 8000}
    memory = made(raw).gpu_memory
    assert memory
    assert memory.advertiser
    here = {key: advertiser.manifest[key] for key in ("listen", "poll_s", "api", "credentials")}
    advertiser.manifest = {**json.loads(memory.advertiser.manifest), **here}

    advertiser.start()

    advertiser.wait("ready")
    assert advertiser.api.offered("k8s-node1", RESOURCE) == BOTH
