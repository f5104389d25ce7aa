"""The rendered manifests against a real API server: it knows every field, and the README's commands work as printed."""

import base64
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.cluster import nodes
from dev.cluster.kubectl import find, kubectl
from dev.cluster.played import stand_ins
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.tools import tools
from ops.render.command import README
from plan import config
from tests import stacks
from tests.checkout import copy_with_example
from tests.engine.played import image


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_with_example(tmp_path_factory.mktemp("checkout"))


def render(checkout: Path, stack: str, directory: Path, namespace: str = stand_ins.NAMESPACE, **fetch: str) -> Path:
    """The stack as the machine at hand would complete it, rendered; the directory."""
    raw, completed = stacks.raw(stack), directory / "completed.yaml"
    raw["namespace"] = namespace
    raw["fetch"].update(fetch)
    raw["gpu"]["node"] |= {"selector": nodes.GPU_LABEL, "tolerations": [nodes.TAINT]}
    if "local" in raw["volume"]:
        raw["volume"]["local"]["node"] = nodes.CARD
    completed.write_text(yaml.safe_dump({"config": {config.KEY: raw}}))
    argv = [sys.executable, "-m", "ops", "render", "--stack", stack, "--config", completed, directory / "out"]
    subprocess.run(argv, cwd=checkout, check=True)
    return directory / "out"


@pytest.fixture(scope="module")
def neighbours(machine: Instance) -> Iterator[Instance]:
    """The cluster with what is there before this project."""
    stand_ins.ensure(machine, image("immich"))
    # Asked in a dry run, a pod that the namespace would not admit is only warned of, and only with this label.
    kubectl(machine, "label", "namespace", stand_ins.NAMESPACE, "pod-security.kubernetes.io/warn=restricted")
    yield machine
    for namespace in (stand_ins.NAMESPACE, stand_ins.IMMICH_NAMESPACE):
        kubectl(machine, "delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def namespace(neighbours: Instance, request: pytest.FixtureRequest) -> Iterator[str]:
    """One of the test's own, where it may really apply."""
    name = f"rendered-{zlib.crc32(request.node.name.encode()):08x}"
    kubectl(neighbours, "create", "namespace", name)
    yield name
    kubectl(neighbours, "delete", "namespace", name, "--wait=false")
    kubectl(neighbours, "delete", "pv", f"{name}-llamacpp-models", "--ignore-not-found", "--wait=false")


def try_out(machine: Instance, where: Path) -> str:
    """What the API server would do with it; raises DevError for a refusal or a warning."""
    server_side = ["--server-side", "--force-conflicts", "--field-manager=local-llm", "--validate=strict"]
    return kubectl(machine, "apply", *server_side, "--dry-run=server", "--warnings-as-errors", "-f", str(where))


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_the_api_server_accepts_every_manifest_without_a_warning(
    neighbours: Instance, checkout: Path, stack: str, tmp_path: Path
) -> None:
    directory = render(checkout, stack, tmp_path)

    accepted = [
        line for group in directory.iterdir() if group.is_dir() for line in try_out(neighbours, group).splitlines()
    ]

    assert len(accepted) == len(list(directory.rglob("*.yaml")))
    assert find(neighbours, "deployment", "llama-swap", stand_ins.NAMESPACE) is None, "only asked, nothing made"


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("stage-2/70-deployment-llama-swap.yaml", "readOnlyRootFilesystem:", "readOnlyRootFileSystem:"),
        ("stage-1/60-job-fetch-qwen3-8b.yaml", "podFailurePolicy:", "podFailurPolicy:"),
        ("stage-1/10-persistentvolume-llama-cpp-llamacpp-models.yaml", "  csi:", "  cssi:"),
    ],
)
def test_a_misspelt_field_is_refused(
    neighbours: Instance, checkout: Path, file: str, right: str, wrong: str, tmp_path: Path
) -> None:
    path = render(checkout, "t4", tmp_path) / file
    path.write_text(path.read_text().replace(right, wrong))

    with pytest.raises(
        DevError, match=f"{wrong.strip(' :')}.*field not declared in schema|unknown field.*{wrong.strip(' :')}"
    ):
        try_out(neighbours, path)


def test_a_pod_that_the_namespace_would_not_admit_is_refused(
    neighbours: Instance, checkout: Path, tmp_path: Path
) -> None:
    path = render(checkout, "t4", tmp_path) / "stage-2" / "70-deployment-llama-swap.yaml"
    path.write_text(path.read_text().replace("runAsNonRoot: true", "runAsNonRoot: false"))

    with pytest.raises(DevError, match="would violate PodSecurity"):
        try_out(neighbours, path)


def test_the_readmes_commands_bring_the_stack_up_and_a_second_time_change_nothing(
    neighbours: Instance, checkout: Path, namespace: str, tmp_path: Path
) -> None:
    directory = render(checkout, "cpu", tmp_path, namespace)
    (script,) = re.findall(r"```sh\n(.*?)```", (directory / README).read_text(), re.DOTALL)
    path = f"{tools.path('kubectl')}:{os.environ['PATH']}"
    env = {**os.environ, "KUBECONFIG": str(neighbours.kubeconfig), "PATH": path}

    def follow() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh"], cwd=directory, env=env, input=script, capture_output=True, text=True, check=False, timeout=300
        )

    first = follow()
    assert first.returncode == 0, first.stdout + first.stderr
    secret = find(neighbours, "secret", "llama-swap-api", namespace)
    assert secret
    key = base64.b64decode(secret["data"]["api-key"]).decode()
    assert re.fullmatch(r"[0-9a-f]{40}", key), "a newline at its end would be part of the key"
    deployment = find(neighbours, "deployment", "llama-swap", namespace)
    assert deployment
    assert deployment["status"]["availableReplicas"] == 1
    immich = find(neighbours, "deployment", stand_ins.IMMICH, stand_ins.IMMICH_NAMESPACE)
    assert immich
    (container,) = immich["spec"]["template"]["spec"]["containers"]
    env_of_theirs = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env_of_theirs["MACHINE_LEARNING_MODEL_TTL"] == "600"
    assert env_of_theirs["IMMICH_PORT"] == "3003", "what is the owner's stays"

    again = follow()
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stderr == 'error: failed to create secret secrets "llama-swap-api" already exists\n'
    same = find(neighbours, "deployment", "llama-swap", namespace)
    assert same
    assert same["metadata"]["generation"] == deployment["metadata"]["generation"]
    assert find(neighbours, "secret", "llama-swap-api", namespace) == secret, "the key of consumers stays"


def test_a_job_whose_files_changed_is_refused_until_it_is_deleted(
    neighbours: Instance, checkout: Path, namespace: str, tmp_path: Path
) -> None:
    def apply(directory: Path) -> None:
        kubectl(neighbours, "apply", "--server-side", "--field-manager=local-llm", "-f", str(directory / "stage-1"))

    apply(render(checkout, "cpu", tmp_path, namespace))
    changed = render(checkout, "cpu", tmp_path, namespace, endpoint="https://mirror.invalid")

    with pytest.raises(DevError, match="field is immutable"):
        apply(changed)

    for file in changed.glob("stage-1/*-job-*.yaml"):
        kubectl(neighbours, "delete", "-f", str(file))
    apply(changed)
