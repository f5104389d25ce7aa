"""What is told of parts of objects that are somebody else's."""

from typing import Any

import pytest

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
