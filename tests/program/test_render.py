"""What `ops render` writes of a stack, file by file."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from ops.base.errors import OpsError
from ops.render import manifests
from ops.render.command import README
from ops.render.recorder import PASSWORD, Recorder, build
from tests import stacks
from tests.recorded import PROGRAMS, render

pytestmark = pytest.mark.usefixtures("recorder")


def objects(written: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {path: yaml.safe_load(text) for path, text in written.items() if path != README}


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_the_programs_are_in_config_maps_as_they_are(stack: str) -> None:
    written = objects(render(stacks.raw(stack), stack))

    found = [data for body in written.values() if (data := body.get("binaryData"))]
    assert len(found) == 3, "of the fetch Jobs, the server's pod and the CronJob"
    assert all(data.keys() == {"pods.pyz"} and data["pods.pyz"] in PROGRAMS for data in found)


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_no_file_has_a_secret_or_pulumis_own_annotations(stack: str) -> None:
    written = render(stacks.raw(stack), stack)

    for path, text in written.items():
        assert PASSWORD not in text, f"{path} shows the API key"
        assert "pulumi.com/" not in text, f"{path} has what only Pulumi reads"
    assert "Secret" not in {body["kind"] for body in objects(written).values()}, "one without data wipes a live key"


def test_a_secret_anywhere_but_in_a_secret_is_refused(recorder: Recorder) -> None:
    key = pulumi.Output.secret("hunter2")
    metadata = ObjectMetaArgs(namespace="n", name="leaky")

    build(lambda: ConfigMap("leaky", metadata=metadata, data={"key": key}))

    with pytest.raises(OpsError, match="ConfigMap leaky has a secret in it"):
        manifests.manifests(recorder.registered)


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_whatever_an_object_refers_to_is_there(stack: str) -> None:
    written = render(stacks.raw(stack), stack)

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


@pytest.mark.parametrize(
    ("fetch", "said"),
    [
        ({"token_secret": {"name": "hub", "key": "token"}}, "So must the Secret `hub` in llama-cpp, with `token`."),
        (
            {"proxy": "http://p:1", "proxy_secret": {"name": "egress", "key": "who"}},
            "So must the Secret `egress` in llama-cpp, with `who`.",
        ),
        (
            {"ca_configmap": {"name": "cas", "key": "ca.crt"}},
            "So must the ConfigMap `cas` in llama-cpp.",
        ),
    ],
)
def test_what_others_have_to_make_first_is_named(fetch: dict[str, Any], said: str) -> None:
    raw = stacks.raw("t4")
    raw["fetch"].update(fetch)
    raw["namespace"] = "llama-cpp"

    assert said in render(raw, "t4")[README]


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_where_nothing_of_others_is_needed_nothing_is_named(stack: str) -> None:
    assert "So must" not in render(stacks.raw(stack), stack)[README]


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_every_object_of_ours_and_every_pod_has_the_standard_labels(stack: str) -> None:
    ours = {path: o for path, o in objects(render(stacks.raw(stack), stack)).items() if "stage-" in path}

    assert ours
    for path, body in ours.items():
        template = body.get("spec", {}).get("template")
        for labels in [body["metadata"]["labels"], *([template["metadata"]["labels"]] if template else [])]:
            wanted = {f"app.kubernetes.io/{part}" for part in ("name", "component", "part-of", "managed-by")}
            assert labels.keys() >= wanted, f"{path} is not found by its labels"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_what_needs_a_finished_job_is_a_stage_later(stack: str) -> None:
    written = render(stacks.raw(stack), stack)

    stages = {(body["kind"], path.split("/")[0]) for path, body in objects(written).items()}
    assert {stage for kind, stage in stages if kind in {"ConfigMap", "Job"}} == {"stage-1"}
    assert {stage for kind, stage in stages if kind == "Service"} == {"stage-2"}
    assert ("Deployment", "stage-2") in stages, "with Recreate the old pod would go before the new weights are there"


def test_a_changed_configuration_is_a_new_name_in_an_old_file() -> None:
    raw = stacks.raw("t4")
    before = render(raw)
    raw["models"]["qwen3-8b"]["context"] = 8192
    after = render(raw)

    assert before.keys() == after.keys(), "a diff of two directories would show a file that went and one that came"
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {
        "stage-1/40-configmap-llama-swap-config.yaml",
        "stage-1/60-job-preflight.yaml",
        "stage-2/70-deployment-llama-swap.yaml",
    }


def test_a_patch_is_applied_under_its_own_manager_to_an_object_that_is_there() -> None:
    written = render(stacks.raw("t4"))

    path = "patches/deployment-immich-machine-learning.yaml"
    assert path in written
    looked, applied = written[README].index(f"kubectl get -f {path} &&"), written[README].index(f" -f {path}\n")
    assert looked < applied, "apply makes what is missing"
    assert "--force-conflicts --field-manager=local-llm-immich-ttl -f patches/" in written[README]


def test_a_claim_that_exists_already_is_mounted_and_not_rendered() -> None:
    raw = {**stacks.raw("t4"), "volume": {"name": "theirs", "existing_claim": True}}

    written = render(raw)

    assert {"PersistentVolume", "PersistentVolumeClaim"}.isdisjoint({o["kind"] for o in objects(written).values()})
    assert "claimName: theirs" in written["stage-2/70-deployment-llama-swap.yaml"]
