"""What is said before an `up`: what it does to users, what it costs, and what cannot be undone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.text.errors import TextError
from plan.verdict import preview, shown
from plan.verdict.measured import Measured
from plan.verdict.verdict import judge
from tests import golden
from tests.plan.verdict import pages
from tests.plan.verdict.prepared import CHANGES, FIRST, changed
from tests.plan.verdict.steps import TYPES, find, judged, raw, said, step

UNTOUCHED = "restarts nothing: every id goes on answering"
POD: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "a"}]}}}}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_said_of_a_prepared_change_is_the_golden_text_and_fits_a_page(name: str) -> None:
    page = pages.page(name)
    assert page == (golden.PLANS / "verdict" / f"{name}.txt").read_text()
    assert len(page.splitlines()) <= 56, "with what the command says around it, 60"


@pytest.mark.parametrize("name", ["nothing", "peak-of-a-tenant"])
def test_nothing_to_change_is_said_in_one_line(name: str) -> None:
    verdict = pages.judged(name)
    assert verdict.is_nothing
    assert shown.page(verdict, ()) == ["Nothing changes."]


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in ("nothing", "peak-of-a-tenant")])
def test_every_object_that_does_not_stay_as_it_is_is_named(name: str) -> None:
    text = pages.page(name)
    for it in pages.judged(name).changes:
        if it.is_object:
            assert it.name in text, it.object


def test_a_cold_load_is_told_by_the_bytes_and_the_declared_rate() -> None:
    edited = changed("context-of-a-model")
    edited.raw["volume"]["read_mib_s"] = 100
    verdict = judge(pages.kept("context-of-a-model"), edited.plan())
    assert verdict.restart
    loads = {load.model_id: load.seconds for load in verdict.restart.loads}
    assert loads["qwen3-8b"] == 48, "5027783488 bytes at 100 MiB/s"
    assert verdict.restart.silent_s >= 45, "the old pod may take all of its grace period"


def test_a_measured_rate_counts_instead_of_the_declared_one_and_is_called_so() -> None:
    text = said(pages.judged("context-of-a-model", Measured(None, {"qwen3-8b": 500.0})))
    assert "qwen3-8b 10 s (measured)" in text
    assert "qwen3vl-8b 99 s," in text
    ids = [it["id"] for it in changed("nothing").plan().contract["models"]]
    assert "read_mib_s" not in said(pages.judged("context-of-a-model", Measured(None, dict.fromkeys(ids, 500.0))))


def test_a_resident_model_is_loaded_at_once_and_not_when_it_is_asked_for() -> None:
    edited = changed("context-of-a-model")
    edited.raw["models"]["qwen3vl-4b"]["resident"] = True
    edited.raw["gpu"] |= {"model": "other", "card": {"total_mib": 81920, "context_mib": 300, "compute_capability": 9.0}}
    text = said(judge(pages.kept("context-of-a-model"), edited.plan()))
    assert "each is loaded at once, at volume.read_mib_s 60: qwen3vl-4b 53 s" in text


@pytest.mark.parametrize(
    ("old", "new", "restarts"),
    [
        (POD, POD, False),
        (POD, {**POD, "metadata": {"labels": {"a": "b"}, "namespace": "llama-cpp", "name": "llama-swap"}}, False),
        (POD, {"spec": {**POD["spec"], "replicas": 1}}, False),
        (POD, {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "b"}]}}}}, True),
    ],
)
def test_only_another_pod_is_a_restart(old: dict[str, Any], new: dict[str, Any], restarts: bool) -> None:
    verdict = judged(step("update", "Deployment", "llama-swap", old, new))
    assert (verdict.restart is not None) is restarts
    assert (UNTOUCHED in said(verdict)) is not restarts


def test_an_edit_in_the_cluster_that_is_set_back_is_a_restart_too() -> None:
    edited = step("update", "Deployment", "llama-swap", POD, POD)
    edited["detailedDiff"] = {"spec.template.spec.containers[0].image": {"kind": "update"}}
    verdict = judged(edited)
    assert verdict.restart
    assert "spec.template.spec.containers[0].image: differs in the cluster" in "\n".join(shown.page(verdict, ()))


def test_another_workload_that_restarts_is_named_and_nobody_waits_for_it() -> None:
    other = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "b"}]}}}}
    text = said(judged(step("update", "Deployment", "gpumem-advertise", POD, other)))
    assert "Deployment llama-cpp/gpumem-advertise; no request goes there" in text
    assert UNTOUCHED in text


def test_minutes_are_told_at_the_rate_of_the_last_download_and_else_bytes_alone() -> None:
    known, unknown = pages.judged(FIRST, Measured(40, {})), pages.judged(FIRST)
    assert known.weights.fetched
    assert known.weights.fetched.minutes == 8, "19.3 GiB at 40 MiB/s"
    assert "some 8 minutes at the rate of the last download" in said(known)
    assert "minutes" not in said(unknown)


def test_what_does_not_fit_beside_what_is_there_is_told_before_a_job_finds_out() -> None:
    edited = changed("quant-of-a-model")
    edited.raw["volume"]["size_gib"] = 26
    verdict = judge(pages.kept("quant-of-a-model"), edited.plan())
    assert verdict.weights.fetched
    assert verdict.weights.fetched.lacking_bytes > 0
    assert "it does NOT fit" in said(verdict)
    edited.raw["volume"]["size_gib"] = 27
    assert "it fits" in said(judge(pages.kept("quant-of-a-model"), edited.plan()))


def test_of_a_claim_that_exists_nobody_says_whether_it_fits() -> None:
    edited = changed("model-added")
    edited.raw["volume"] = {"name": "theirs", "existing_claim": True}
    assert "whether it fits is not known" in said(judge(pages.kept("model-added"), edited.plan()))


def test_files_of_a_job_that_failed_count_as_missing() -> None:
    digest = raw("quant-of-a-model")
    job = find(digest, "fetch-qwen3-8b-job")
    job["oldState"]["initErrors"] = ["the hub was away"]
    verdict = judge(preview.parse(json.dumps(digest)), changed("quant-of-a-model").plan())
    assert verdict.weights.unused_bytes == 0
    assert verdict.weights.fetched
    assert verdict.weights.fetched.there_bytes == pages.judged("model-removed").weights.unused_bytes + 9520276544


def test_a_renamed_model_fetches_nothing_and_leaves_nothing() -> None:
    verdict = pages.judged("model-renamed")
    assert verdict.weights.adopted == ("qwen3vl-small",)
    assert verdict.weights.fetched is None
    assert verdict.weights.unused_bytes == 0
    assert dict(verdict.consumers.renamed) == {"qwen3vl-4b": ("qwen3vl-small",)}


def test_a_job_that_another_version_wrote_is_named_as_one_that_cannot_be_read() -> None:
    digest = raw("quant-of-a-model")
    container = find(digest, "fetch-qwen3-8b-job")["oldState"]["inputs"]["spec"]["template"]["spec"]["containers"][0]
    container["args"] = ["fetch", "--manifest", '{"version": 2}']
    text = said(judge(preview.parse(json.dumps(digest)), changed("quant-of-a-model").plan()))
    assert "what fetch-qwen3-8b fetched before: this version cannot read it" in text


def test_a_change_of_outputs_alone_is_not_nothing() -> None:
    edited = changed("nothing")
    edited.raw["models"]["qwen3-8b"]["tools"] = False
    verdict = judge(pages.kept("nothing"), edited.plan())
    assert not verdict.is_nothing
    assert "qwen3-8b: tools: yes -> no" in said(verdict)


def test_before_the_first_deployment_nobody_has_a_contract_that_could_change() -> None:
    assert "users see" not in said(pages.judged(FIRST))


KEY = {"stringData": {"api-key": "[secret]"}}
PV, PVC, KEPT_AWAY = "PersistentVolume", "PersistentVolumeClaim", {"retainOnDelete": True}
RETAIN, DELETE = ({"spec": {"persistentVolumeReclaimPolicy": it}} for it in ("Retain", "Delete"))
UNPROTECTED = step("same", PV, "models", {}, {}, protect=True) | {"newState": {"inputs": {}, "protect": False}}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (step("delete", "Secret", "api", {}), "for good Secret llama-cpp/api is deleted: what is in it is lost"),
        (step("replace", "Secret", "api", KEY, KEY), "for good Secret llama-cpp/api is replaced"),
        (step("update", "Secret", "api", KEY, KEY), "Secret llama-cpp/api gets another content"),
        (step("delete", PVC, "models", {}, **KEPT_AWAY), "stays in the cluster, but this stack does not know it"),
        (step("delete", PVC, "models", {}), "PersistentVolumeClaim llama-cpp/models is deleted: what is in it is lost"),
        (step("replace", PV, "models", {}, {"spec": {}}), "is replaced: what is in it is lost"),
        (step("delete-replaced", PV, "models", {}), "is replaced: what is in it is lost"),
        (
            step("update", PV, "models", RETAIN, DELETE),
            "PersistentVolume llama-cpp/models is not retained any more: once",
        ),
        (step("update", PV, "models", {"spec": {}}, DELETE), "is not retained any more: once its claim goes"),
        (UNPROTECTED, "loses its protection: a later change may delete it"),
        (step("replace", "Stash", "key", {}, {}), "the API key is made anew: every consumer needs the new one"),
    ],
)
def test_what_cannot_be_undone_is_said(made: dict[str, Any], told: str) -> None:
    assert told in said(judged(made))


@pytest.mark.parametrize("op", ["delete", "replace", "delete-replaced"])
@pytest.mark.parametrize("kind", ["PersistentVolume", "PersistentVolumeClaim", "Secret"])
def test_what_is_protected_is_refused_and_not_said_to_be_lost(op: str, kind: str) -> None:
    verdict = judged(step(op, kind, "models", {}, protect=True))
    text = said(verdict)
    assert text.startswith("This is refused, and nothing is changed.")
    assert f"{kind} models-resource is protected" in text
    assert verdict.for_good == ()


def test_a_refusal_that_pulumi_tells_by_an_error_alone_is_told_in_our_words() -> None:
    verdict = pages.judged("path-of-the-volume")
    assert verdict.failed == ()
    assert "PersistentVolume models-pv is protected" in said(verdict)
    assert "state unprotect" not in said(verdict), "whoever follows that loses the volume"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            f'resource "{step("delete", PV, "models", {})["urn"]}"\nis marked for protection',
            f"{PV} models-resource is protected",
        ),
        ("it is marked for protection", "refused something is protected, and this change would take it away"),
    ],
)
@pytest.mark.parametrize("last", [(), (("", "preview failed"),)])
def test_a_refusal_without_its_resource_is_not_nothing(
    error: str, told: str, last: tuple[tuple[str, str], ...]
) -> None:
    text = said(judged(errors=(("", error), *last)))
    assert text.startswith("This is refused, and nothing is changed.")
    assert told in text


@pytest.mark.parametrize("made", [(RETAIN, RETAIN), (DELETE, RETAIN), (DELETE, DELETE), (RETAIN, {"spec": {}})])
def test_a_volume_that_is_kept_as_it_was_or_better_is_nothing_for_good(made: tuple[Any, Any]) -> None:
    assert "for good" not in said(judged(step("update", PV, "models", *made)))


def test_an_error_of_the_program_is_told_as_it_is() -> None:
    table = "local-llm:stack.gpu: got 3.\n  7077 MiB  qwen3-8b\n  1 MiB    other"
    verdict = judged(errors=(("", table),))
    assert not verdict.is_nothing
    assert "\n".join(shown.page(verdict, ())) == f"This is refused, and nothing is changed.\n{table}"


def test_pulumis_last_word_is_told_only_where_it_is_the_only_one() -> None:
    last = ("", "an unhandled error occurred: program exited with non-zero exit code: 1")
    assert "exit code" not in said(judged(errors=(("", "why"), last)))
    assert "exit code" in said(judged(errors=(last,)))
    refused = (step("delete", PV, "models", {})["urn"], "it cannot be deleted\nbecause it is protected")
    assert "preview failed" not in said(judged(errors=(refused, ("", "preview failed"))))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["create", "update", "replace", "delete", "import", "teleport", "extend-parameterize"]),
            st.sampled_from([*TYPES.values(), "kubernetes:gizmo.io/v9:Gizmo", "aws:s3/bucket:Bucket", "llm:new:Thing"]),
            st.from_regex(r"[a-z]{6,12}", fullmatch=True),
        ),
        max_size=6,
        unique_by=lambda row: row[2],
    )
)
def test_steps_and_resources_of_a_later_version_are_named_and_never_dropped(rows: list[tuple[str, str, str]]) -> None:
    steps = [step(op, type_, name, {"a": 1}, {"a": 2}) for op, type_, name in rows]
    text = "\n".join(shown.page(judged(*steps), ()))
    for op, type_, name in rows:
        if not type_.startswith("llm:") or op not in ("create", "delete", "replace"):  # a group: what is in it is named
            assert name in text, (op, type_)
            assert op in text or op in ("create", "update", "replace", "delete"), op
    assert (text == "Nothing changes.") is (rows == [])


@pytest.mark.parametrize("content", ["", "[]", "{", '{"steps": [{"op": 1}]}', '{"steps": "x"}', "<html>"])
def test_what_is_no_preview_is_refused_in_words(content: str) -> None:
    with pytest.raises(TextError, match="Pulumi's preview in JSON"):
        preview.parse(content)
