"""What `ops render` writes of each committed stack, file by file."""

import base64
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from ops.base.errors import OpsError
from ops.render import manifests
from ops.render.command import README, files
from ops.render.recording_engine import PASSWORD, Engine, Registration, build, run_program
from tests import stacks

GOLDEN = Path(__file__).parent / "goldens"
# The programs are reviewed where they lie; in goldens, and in the hashes there, they would hide what matters.
PROGRAMS = {base64.b64encode(path.read_bytes()).decode() for path in (stacks.ROOT / "pods" / "archives").glob("*.pyz")}


def lean(value: Any) -> Any:
    """The same without the programs."""
    if isinstance(value, dict):
        return {key: lean(entry) for key, entry in value.items()}
    return "pods.pyz" if isinstance(value, str) and value in PROGRAMS else value


def lean_engine() -> Engine:
    engine = Engine(stacks.CLUSTER_ID, lambda inputs: manifests.suffix(lean(inputs)))
    engine.install()
    return engine


def lean_registrations(engine: Engine) -> list[Registration]:
    return [dataclasses.replace(r, inputs=lean(r.inputs)) for r in engine.registered]


def render(engine: Engine, raw: dict[str, Any], stack: str = "prod") -> dict[str, str]:
    """The whole directory with its scripts. `engine` is the fixture: it cleans up after the program."""
    full = Engine(engine.found_cluster, manifests.suffix)
    full.install()
    run_program(raw)
    return files(stack, full.registered)


def objects(written: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {path: yaml.safe_load(text) for path, text in written.items() if path != README}


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("stack", stacks.NAMES)
def test_the_manifests_of_each_stack_are_the_golden_ones(stack: str) -> None:
    lean_run = lean_engine()
    run_program(stacks.raw(stack))
    written = files(stack, lean_registrations(lean_run))

    there = {str(path.relative_to(GOLDEN / stack)) for path in (GOLDEN / stack).rglob("*") if path.is_file()}
    assert set(written) == there, "run `make golden` and read the diff"
    for path, text in written.items():
        assert text == (GOLDEN / stack / path).read_text(), f"{stack}/{path}: run `make golden` and read the diff"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_no_file_has_a_secret_or_pulumis_own_annotations(engine: Engine, stack: str) -> None:
    written = render(engine, stacks.raw(stack), stack)

    for path, text in written.items():
        assert PASSWORD not in text, f"{path} shows the API key"
        assert "pulumi.com/" not in text, f"{path} has what only Pulumi reads"
    assert "Secret" not in {body["kind"] for body in objects(written).values()}, "one without data wipes a live key"


def test_a_secret_anywhere_but_in_a_secret_is_refused(engine: Engine) -> None:
    key = pulumi.Output.secret("hunter2")
    metadata = ObjectMetaArgs(namespace="n", name="leaky")

    build(lambda: ConfigMap("leaky", metadata=metadata, data={"key": key}))

    with pytest.raises(OpsError, match="ConfigMap leaky has a secret in it"):
        manifests.manifests(engine.registered)


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_whatever_an_object_refers_to_is_there(engine: Engine, stack: str) -> None:
    written = render(engine, stacks.raw(stack), stack)

    there = {(body["kind"], body["metadata"]["name"]) for body in objects(written).values()}
    wanted = {reference for body in objects(written).values() for reference in references(body)}
    assert {kind for kind, _ in wanted} >= {"ConfigMap", "PersistentVolumeClaim", "PersistentVolume", "Secret"}
    for kind, name in wanted:
        if kind == "Secret":
            assert f"create secret generic {name} " in written[README], "nobody would know that it has to be made"
        else:
            assert (kind, name) in there, f"a pod would wait for {kind} {name} for ever"


def references(value: Any) -> Iterator[tuple[str, str]]:
    """(kind, name) of everything that a manifest names by one of the fields that can name something."""
    for entry in value if isinstance(value, list) else []:
        yield from references(entry)
    for key, entry in value.items() if isinstance(value, dict) else []:
        match key, entry:
            case ("configMap" | "configMapRef" | "configMapKeyRef", {"name": name}):
                yield "ConfigMap", name
            case ("secret", {"secretName": name}) | ("secret" | "secretRef" | "secretKeyRef", {"name": name}):
                yield "Secret", name
            case ("claimName", str(name)) | ("claimRef", {"name": name}):
                yield "PersistentVolumeClaim", name
            case ("volumeName", str(name)):
                yield "PersistentVolume", name
            case ("serviceAccountName", str(name)):
                yield "ServiceAccount", name
            case _:
                yield from references(entry)


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_every_object_of_ours_and_every_pod_has_the_standard_labels(engine: Engine, stack: str) -> None:
    ours = {path: o for path, o in objects(render(engine, stacks.raw(stack), stack)).items() if "stage-" in path}

    assert ours
    for path, body in ours.items():
        template = body.get("spec", {}).get("template")
        for labels in [body["metadata"]["labels"], *([template["metadata"]["labels"]] if template else [])]:
            wanted = {f"app.kubernetes.io/{part}" for part in ("name", "component", "part-of", "managed-by")}
            assert labels.keys() >= wanted, f"{path} is not found by its labels"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_what_needs_a_finished_job_is_a_stage_later(engine: Engine, stack: str) -> None:
    written = render(engine, stacks.raw(stack), stack)

    stages = {(body["kind"], path.split("/")[0]) for path, body in objects(written).items()}
    assert {stage for kind, stage in stages if kind in {"ConfigMap", "Job"}} == {"stage-1"}
    assert {stage for kind, stage in stages if kind == "Service"} == {"stage-2"}
    assert ("Deployment", "stage-2") in stages, "with Recreate the old pod would go before the new weights are there"


def test_a_changed_configuration_is_a_new_name_in_an_old_file(engine: Engine) -> None:
    raw = stacks.raw("prod")
    before = render(engine, raw)
    raw["models"]["qwen3-8b"]["context"] = 8192
    after = render(engine, raw)

    assert before.keys() == after.keys(), "a diff of two directories would show a file that went and one that came"
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {
        "stage-1/40-configmap-llama-swap-config.yaml",
        "stage-1/60-job-preflight.yaml",
        "stage-2/70-deployment-llama-swap.yaml",
    }


def test_a_patch_is_applied_under_its_own_manager_to_an_object_that_is_there(engine: Engine) -> None:
    written = render(engine, stacks.raw("prod"))

    path = "patches/deployment-immich-machine-learning.yaml"
    assert path in written
    looked, applied = written[README].index(f"kubectl get -f {path} &&"), written[README].index(f" -f {path}\n")
    assert looked < applied, "apply makes what is missing"
    assert "--force-conflicts --field-manager=local-llm-immich-ttl -f patches/" in written[README]


def test_a_claim_that_exists_already_is_mounted_and_not_rendered(engine: Engine) -> None:
    raw = {**stacks.raw("prod"), "volume": {"name": "theirs", "existing_claim": True}}

    written = render(engine, raw)

    assert {"PersistentVolume", "PersistentVolumeClaim"}.isdisjoint({o["kind"] for o in objects(written).values()})
    assert "claimName: theirs" in written["stage-2/70-deployment-llama-swap.yaml"]
