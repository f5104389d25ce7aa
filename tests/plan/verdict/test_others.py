"""What is told of parts of objects that are somebody else's."""

from typing import Any

import pytest

from plan.base.names import IMMICH_TTL
from plan.card.immich_ttl import MENDS
from plan.verdict.diff.short_diff import short_diff
from tests.plan.verdict import pages
from tests.plan.verdict.steps import judged, said, step

POD: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "a"}]}}}}
OTHER: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "b"}]}}}}


def test_parts_of_others_objects_are_told_with_what_we_set_there() -> None:
    text = said(pages.judged("ttl-of-immich"))
    assert "others Deployment immich/immich-machine-learning: MACHINE_LEARNING_MODEL_TTL 600 -> 900" in text
    left = said(judged(step("delete", "DeploymentPatch", "immich", {}, retainOnDelete=True)))
    assert "Deployment llama-cpp/immich: what we set stays, and nobody sets it again" in left


@pytest.mark.parametrize("op", ["update", "replace"])
@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        ({"metadata": {"labels": {"a": "b"}}}, {"metadata": {"labels": {"a": "c"}}}, False),
        ({"metadata": {"annotations": {"a": "b"}}}, {"metadata": {"annotations": {"a": "c"}}}, False),
        (POD, {"spec": {**POD["spec"], "replicas": 2}}, False),
        (POD, OTHER, True),
        (POD, {"spec": {}}, True),
        ({"spec": {}}, POD, True),
    ],
)
def test_pods_of_others_are_replaced_only_where_they_differ(op: str, old: Any, new: Any, replaced: bool) -> None:
    text = said(judged(step(op, "DeploymentPatch", "immich", old, new)))
    assert "others Deployment " in text
    assert ("its pods are replaced" in text) is replaced


def patched(*env: dict[str, str], mends: str = "") -> dict[str, Any]:
    """The inputs of a patch that sets these entries of one container."""
    container = {"name": "server", "env": list(env)}
    note = {"metadata": {"annotations": {MENDS: mends}}} if mends else {}
    return {**note, "spec": {"template": {"spec": {"containers": [container]}}}}


def test_what_a_refresh_has_read_of_others_is_not_told_as_gone() -> None:
    read, ours = {"name": "CACHE", "value": "/cache"}, {"name": IMMICH_TTL, "value": "600"}
    text = "\n".join(
        short_diff(judged(step("update", "DeploymentPatch", "immich", patched(read), patched(ours))).changes)
    )
    assert "MODEL_TTL.value: 600" in text
    assert "CACHE" not in text


def test_an_entry_that_is_written_again_replaces_the_pods() -> None:
    ours = {"name": IMMICH_TTL, "value": "600"}
    old, new = patched(ours), patched(ours, mends="0 since 22:52 by kubectl-set")
    text = said(judged(step("replace", "DeploymentPatch", "immich", old, new)))
    assert ": set again; its pods are replaced" in text
    assert "its pods are replaced" not in said(judged(step("update", "DeploymentPatch", "immich", new, old)))
