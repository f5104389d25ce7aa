"""That ids go on answering is said only where the server, its Service and its namespace stay in place."""

from typing import Any

import pytest

from tests.plan.verdict import pages
from tests.plan.verdict.prepared import FIRST
from tests.plan.verdict.steps import judged, said, step

UNTOUCHED = "every id goes on answering"
POD: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "a"}]}}}}
OTHER: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "b"}]}}}}
OF_SERVER, OF_SERVICE = ("Deployment", "llama-swap"), ("Service", "llama-swap")
OF_NAMESPACE = ("Namespace", "llama-cpp")
FAILED = {"initErrors": ["not ready"]}


def scaled(count: int, pod: dict[str, Any] = POD) -> dict[str, Any]:
    return {"spec": {**pod["spec"], "replicas": count}}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (step("update", *OF_SERVER, scaled(0), scaled(1)), "starts the server, which is at 0 replicas now"),
        (step("update", *OF_SERVER, scaled(0), POD), "until it is ready nothing answers"),
        (step("update", *OF_SERVER, scaled(0), scaled(1, OTHER)), "until it is ready nothing answers"),
        (step("replace", *OF_SERVER, scaled(0), scaled(1)), "until it is ready nothing answers"),
        (step("update", *OF_SERVER, POD, scaled(0)), "gone the server is set to 0 replicas, and nothing answers"),
        (step("update", *OF_SERVER, POD, scaled(0, OTHER)), "gone the server is set to 0 replicas"),
        (step("create", *OF_SERVER, None, scaled(0)), "gone the server is set to 0 replicas"),
        (step("create", *OF_SERVER, None, POD), "starts the server, when all weights are on the volume; until then"),
        (step("delete", *OF_SERVER, POD), "gone Deployment llama-cpp/llama-swap is deleted, and nothing answers at"),
        (step("update", *OF_SERVER, POD, POD, **FAILED), "was not ready the last time: until it is, it may be that"),
        (step("create", *OF_SERVICE, None, {}), "which is not there now: until it is, nothing answers"),
        (step("delete", *OF_SERVICE, {}), "gone Service llama-cpp/llama-swap is deleted, and nothing answers at http:"),
        (step("replace", *OF_SERVICE, {}, {}), "taken away and made anew: until it is there again, nothing answers"),
        (step("delete-replaced", *OF_SERVICE, {}), "until it is there again, nothing answers"),
        (step("update", *OF_SERVICE, {"spec": {"selector": {"a": "b"}}}, {"spec": {}}), "where Service llama-cpp/"),
        (step("delete", *OF_NAMESPACE, {}), "gone Namespace llama-cpp/llama-cpp is deleted, and nothing answers"),
        (step("replace", *OF_NAMESPACE, {}, {}), "until it is there again, nothing answers"),
        (step("create", *OF_NAMESPACE, None, {}), "until it is, nothing answers"),
        *(
            (step(op, *whose, POD, POD), f"unknown whether any id answers: Pulumi's {op} of {whose[0]}")
            for op in ("import", "teleport")
            for whose in (OF_SERVER, OF_SERVICE, OF_NAMESPACE)
        ),
    ],
)
def test_where_nothing_answers_nobody_reads_that_ids_go_on_answering(made: dict[str, Any], told: str) -> None:
    text = said(judged(made))
    assert told in text
    assert UNTOUCHED not in text
    assert "its old pod goes first" not in text


@pytest.mark.parametrize(
    "made",
    [
        step("update", *OF_SERVER, POD, scaled(1)),
        step("update", *OF_SERVER, scaled(1), POD),
        step("update", *OF_SERVICE, {"spec": {}}, {"spec": {}, "metadata": {"name": "llama-swap", "labels": {}}}),
        step("delete", *OF_SERVER, POD, retainOnDelete=True),
        step("delete", *OF_SERVICE, {}, retainOnDelete=True),
        step("delete", "Service", "another", {}),
        step("delete", "Namespace", "another", {}),
        step("delete", "kubernetes:core/v1:NamespacePatch", "llama-cpp", {}),
        step("create", "DeploymentPatch", "llama-swap", None, POD),
    ],
)
def test_what_the_server_does_not_need_silences_nobody(made: dict[str, Any]) -> None:
    text = said(judged(made))
    assert UNTOUCHED in text
    assert "nothing answers" not in text


def test_replicas_that_somebody_set_in_the_cluster_may_have_been_none() -> None:
    made = step("update", *OF_SERVER, scaled(1), scaled(1)) | {"detailedDiff": {"spec.replicas": {"kind": "update"}}}
    text = said(judged(made))
    assert "if somebody set it to 0 replicas: then nothing answers until it is ready" in text
    assert UNTOUCHED not in text


def test_a_service_that_somebody_edited_may_lead_nowhere() -> None:
    made = step("update", *OF_SERVICE, {"spec": {}}, {"spec": {}}) | {"detailedDiff": {"spec.selector.a": None}}
    assert "where Service llama-cpp/llama-swap leads is changed" in said(judged(made))


def test_a_rollout_is_told_beside_a_service_that_comes_back() -> None:
    text = said(judged(step("update", *OF_SERVER, POD, OTHER), step("create", *OF_SERVICE, None, {})))
    assert "its old pod goes first" in text
    assert "starts Service llama-cpp/llama-swap, which is not there now" in text


def test_a_server_that_comes_with_its_service_is_told_once() -> None:
    assert said(pages.judged(FIRST)).count("nothing answers") == 1
