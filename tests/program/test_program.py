"""The whole program against the recording engine, for each of the tests' stacks."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from ops.render.recorder import PASSWORD, Recorder
from plan.verdict import notes
from tests import stacks
from tests.recorded import run


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_each_stack_registers_the_whole_tree(recorder: Recorder, stack: str) -> None:
    raw = stacks.raw(stack)

    run(raw)

    kinds = {r.type.rsplit(":", 1)[-1] for r in recorder.registered}
    assert kinds >= {"PersistentVolume", "PersistentVolumeClaim", "Job", "ConfigMap", "Secret", "Deployment", "Service"}
    jobs = {job.inputs["metadata"]["name"] for job in recorder.of("Job")}
    assert jobs == {"preflight", *(f"fetch-{model_id}" for model_id in raw["models"])}


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_every_child_sits_under_its_component_and_uses_the_guarded_provider(recorder: Recorder, stack: str) -> None:
    run(stacks.raw(stack))

    components = [r for r in recorder.registered if r.type.startswith("llm:")]
    assert len(components) >= 5
    for resource in recorder.registered:
        if resource.type.startswith("kubernetes:"):
            assert "llm:" in resource.urn, f"{resource.name} hangs outside the components"
            assert "cluster-provider" in resource.options.provider, f"{resource.name} may reach another cluster"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_every_namespaced_object_names_its_namespace(recorder: Recorder, stack: str) -> None:
    run(stacks.raw(stack))

    for resource in recorder.registered:
        if resource.type.startswith("kubernetes:") and resource.type.rsplit(":", 1)[-1] not in {
            "PersistentVolume",
            "NamespacePatch",
        }:
            metadata = resource.inputs["metadata"]
            assert metadata.get("namespace"), f"{resource.name} would land in the kubeconfig's namespace"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_everything_carries_the_standard_labels(recorder: Recorder, stack: str) -> None:
    run(stacks.raw(stack))

    theirs = {"DeploymentPatch", "NamespacePatch", "Namespace"}
    ours = [
        r for r in recorder.registered if r.type.startswith("kubernetes:") and r.type.rsplit(":", 1)[-1] not in theirs
    ]
    assert len(ours) >= 8
    for resource in ours:
        spec = resource.inputs.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        pod = spec.get("template", {}).get("metadata", resource.inputs["metadata"])
        for labels in (resource.inputs["metadata"]["labels"], pod["labels"]):
            standard = {
                f"app.kubernetes.io/{key}" for key in ("name", "instance", "component", "part-of", "managed-by")
            }
            assert standard <= labels.keys(), f"{resource.name} cannot be found with the others"
    jobs = {
        r.inputs["metadata"]["name"]: r.inputs["spec"]["template"]["metadata"]["labels"] for r in recorder.of("Job")
    }
    del jobs["preflight"]
    assert {labels["local-llm/model"] for labels in jobs.values()} == set(stacks.raw(stack)["models"])


def test_only_the_volume_is_protected(recorder: Recorder) -> None:
    run(stacks.raw("t4"))

    protected = {r.type.rsplit(":", 1)[-1] for r in recorder.registered if r.options.protect}
    retained = {r.type.rsplit(":", 1)[-1] for r in recorder.registered if r.options.retainOnDelete}
    assert protected == {"PersistentVolume", "PersistentVolumeClaim"}
    assert retained == {"PersistentVolume", "PersistentVolumeClaim", "DeploymentPatch", "NamespacePatch"}


def test_the_contract_is_exported(recorder: Recorder) -> None:
    exports = run(stacks.raw("t4"))

    assert recorder.registered
    assert exports["contract"]["contract"] == 1
    assert exports["contract"]["endpoint"] == "http://llama-swap.llama-cpp.svc.cluster.local:8080/v1"
    assert exports["contract"]["endpoint"] in exports["litellm"]
    assert PASSWORD not in json.dumps(exports), "the key itself never leaves the Secret"


def test_the_preview_says_what_rests_on_facts_from_elsewhere(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)

    run(stacks.raw("t4"))

    assert recorder.registered
    (text,) = said
    assert "qwen3vl-4b, qwen3vl-8b (no " in text
    assert "bin/local-llm lock --update minicpm-v-4-5 qwen3vl-4b" in text


def test_what_a_command_has_told_already_is_not_told_again_but_the_rest_is(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    run(stacks.raw("t4"))
    (everything,) = said
    first, *rest = everything.splitlines()

    monkeypatch.setenv(notes.TOLD, notes.marks(rest))
    run(stacks.raw("t4"))
    monkeypatch.setenv(notes.TOLD, notes.marks([everything]))
    run(stacks.raw("t4"))

    assert recorder.registered
    assert said == [everything, first]


def _without_context(raw: dict[str, Any]) -> None:
    del raw["models"]["qwen3-8b"]["context"]


def _unlocked(raw: dict[str, Any]) -> None:
    raw["models"]["new-model"] = {"repo": "a/b", "quant": "Q4_K_M", "context": 4096}


def _never_unload(raw: dict[str, Any]) -> None:
    raw["immich"]["model_ttl_s"] = 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without_context, "models.qwen3-8b.context"),
        (_unlocked, "bin/local-llm lock --update new-model"),
        (_never_unload, "0 means never unload"),
    ],
)
def test_bad_configuration_stops_before_anything_is_registered(
    recorder: Recorder, spoil: Callable[[dict[str, Any]], None], said: str
) -> None:
    raw = stacks.raw("t4")
    spoil(raw)

    with pytest.raises(pulumi.RunError, match=said):  # the one error pulumi shows without a traceback
        run(raw)

    assert recorder.registered == []


def test_another_cluster_is_refused_and_gets_nothing(recorder: Recorder) -> None:
    recorder.found_cluster = "99999999-2222-4333-8444-555555555555"

    with pytest.raises(pulumi.RunError, match=r"belongs to the cluster 11111111.*leads to 99999999"):
        run(stacks.raw("t4"))

    assert [r.type for r in recorder.registered if r.type.startswith("kubernetes:")] == []


def test_an_apply_that_wins_for_one_run_leaves_nothing_in_the_state(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")

    run(stacks.raw("cpu"))

    (provider,) = [it for it in recorder.registered if it.type == "pulumi:providers:kubernetes"]
    assert "enablePatchForce" not in provider.inputs
