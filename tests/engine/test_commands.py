"""`make engine`, `preview` and `up` of the production stack, as a person runs them."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster import host
from dev.cluster.kubectl import kubectl
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.pulumi.stackfile import ROOT
from plan import config
from tests import committed, stacks
from tests.checkout import copy_to, copy_with_example
from tests.engine.played import INSTANCE

PLAYED, MINE = Instance(f"{INSTANCE.name[:11]}-cmd"), Instance(f"{INSTANCE.name[:11]}-cur")
JOBS = [f"fetch-{model}" for model in committed.raw("prod")["models"]]
THEIR_JOBS = [f"fetch-{model}-job" for model in stacks.raw("t4")["models"]]


def dev(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; never raises."""
    argv = [sys.executable, "-m", "dev", *arguments]
    return subprocess.run(argv, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def engine(command: str, stack: str = "prod", **env: str) -> str:
    """Run a command on the played cluster, which must succeed; returns what it printed."""
    done = dev("--instance", PLAYED.name, "--cluster", "engine", "--stack", stack, command, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def created(output: str) -> set[str]:
    """Names of the resources that a preview would create."""
    return set(re.findall(r"\+ \S+ \(create\).*\n\s+\[urn=\S+::([\w-]+)\]", output))


def names(kind: str, *where: str) -> list[str]:
    return [
        item["metadata"]["name"] for item in json.loads(kubectl(PLAYED, "get", kind, *where, "-o", "json"))["items"]
    ]


def beside_the_sources() -> dict[str, str]:
    """What lies in the checkout beside the sources, by content."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in ROOT.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def first() -> Iterator[str]:
    """What the first preview printed, which found nothing running."""
    engine("clean")
    try:
        yield engine("preview")
    finally:
        engine("clean")
        assert not PLAYED.state.exists()
        assert not PLAYED.run.exists()
        PLAYED.passphrase.unlink()  # which `clean` keeps


@pytest.fixture
def checkout(first: str, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - the cluster runs
    """A copy of this checkout with a stack of its own, in a namespace that is not there."""
    copy_with_example(tmp_path)
    value: dict[str, Any] = {**stacks.raw("t4"), "namespace": "not-there"}
    del value["cluster"]
    content = {"config": {"pulumi:disable-default-providers": ["kubernetes"], config.KEY: value}}
    (tmp_path / "Pulumi.mine.yaml").write_text(yaml.safe_dump(content))
    yield tmp_path
    host.remove(MINE.state)
    host.remove(MINE.run)
    MINE.passphrase.unlink(missing_ok=True)


def test_a_preview_starts_the_played_cluster_and_lists_what_would_be_created(first: str) -> None:
    for made in (
        "Deployment llama-cpp/llama-swap",
        "PersistentVolume ",
        "part of Deployment immich/",
        "Job llama-cpp/",
    ):
        assert f"+ {made}" in first
    assert all(job in first for job in JOBS)
    assert "starts     the server" in first
    assert "still running" in first or "pulumi preview of the stack prod: done" in first
    assert len(first.splitlines()) <= 60 + len(re.findall("still running|played cluster", first)), "more is not read"
    assert "played" in first.splitlines()[-1], "a person must not take it for the preview of their cluster"
    assert names("deployments,jobs,configmaps", "-n", "llama-cpp") == ["kube-root-ca.crt"], "a preview creates nothing"


def test_up_plays_the_production_stack_and_no_committed_file_changes(first: str) -> None:  # noqa: ARG001 - it runs
    before = beside_the_sources()

    said = engine("up")

    assert "its pods are played: no model answers" in said
    assert "CLUSTER=current" in said
    assert names("deployments", "-n", "llama-cpp") == ["llama-swap"]
    assert len(engine("key").strip()) >= 32
    elsewhere = {"PGSERVICE": "production", "PULUMI_BACKEND_URL": "postgres://192.0.2.1/", "KUBECONFIG": "/nowhere"}
    old = PLAYED.state / "passphrase"
    PLAYED.passphrase.rename(old)  # where an older release had it
    again = engine("preview", **elsewhere)
    assert old.readlink() == PLAYED.passphrase, "moved out of what `make clean` removes, and the secrets are the same"
    assert "\nNothing changes.\n" in again
    assert said.count("GPU memory:") == 1, "the preview before the update tells the notes, the update does not again"
    assert "make preview STACK=prod" in engine("engine", "dev")
    assert beside_the_sources() == before, "facts of this machine in a file that everyone shares"


def test_models_that_lie_elsewhere_now_are_refused_with_one_command_that_is_enough(
    first: str,  # noqa: ARG001 - it runs
    tmp_path: Path,
) -> None:
    engine("up")
    file = copy_to(tmp_path) / "Pulumi.prod.yaml"
    value = committed.raw("prod")["volume"]["nfs"]
    file.write_text(file.read_text().replace(value["path"], "/srv/elsewhere"))
    preview = ("--instance", PLAYED.name, "--cluster", "engine", "--stack", "prod", "preview")

    refused = dev(*preview, cwd=tmp_path)

    assert refused.returncode == 1
    assert f"volume is /srv/elsewhere of the NFS server {value['server']}" in refused.stderr
    assert "Nothing was changed" in refused.stderr
    (command,) = re.findall(r"`(make new-volume up [^`]+)`", refused.stderr)
    page = (ROOT / "docs" / "runbooks" / "volume.md").read_text()
    assert command == f"make new-volume up STACK=prod INSTANCE={PLAYED.name}"
    assert "make new-volume up STACK=prod CLUSTER=current" in page

    make = [*command.split(), "-o", "venv"]
    done = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    (volume,) = json.loads(kubectl(PLAYED, "get", "pv", "-o", "json"))["items"]
    assert volume["spec"]["csi"]["volumeAttributes"]["share"] == "/srv/elsewhere"
    assert volume["status"]["phase"] == "Bound"
    again = dev(*preview, cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "\nNothing changes.\n" in again.stdout
    assert "is gone" not in again.stdout


def test_a_preview_of_the_operators_cluster_names_the_missing_namespace_and_makes_none(checkout: Path) -> None:
    theirs = {**postgres.environment(PLAYED), "KUBECONFIG": str(PLAYED.kubeconfig)}
    command = ("--instance", MINE.name, "--cluster", "current", "--stack", "mine", "preview")
    before = names("namespaces")

    refused = dev(*command, cwd=checkout, **theirs)

    assert refused.returncode == 1
    assert "error: the namespace not-there does not exist" in refused.stderr
    assert "next: kubectl create namespace not-there" in refused.stderr
    assert names("namespaces") == before

    kubectl(PLAYED, "create", "namespace", "not-there")
    done = dev(*command, cwd=checkout, DIFF="1", **theirs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert created(done.stdout) >= {"llama-swap-deployment", *THEIR_JOBS}, "Pulumi's own diff, for whoever wants it"
    assert "starts     the server" in done.stdout
    assert done.stdout.count("GPU memory:") == 1
    assert not list(MINE.run.glob("*.pid")), "it uses what is theirs and starts nothing"
