"""B4: the fetcher takes no name at the hub that plan/ would refuse, and refuses none that plan/ takes."""

import json
from typing import Any

import pytest

from plan.base.pod_manifests import FetchManifest
from pods.core.report import ExitError
from pods.fetch.manifest import Manifest
from tests import hub_names, stacks
from tests.plans import made


def manifest() -> FetchManifest:
    return json.loads(made(stacks.raw("t4")).fetches.jobs[0].manifest)


def parsed(field: str, value: Any) -> Manifest:
    """What the program makes of a manifest with another repository, or another path of its first file."""
    raw: dict[str, Any] = {**manifest()}
    place = raw["files"][0] if field in ("path", "link", "sha256") else raw
    place[field] = value
    return Manifest.parse(json.dumps(raw))


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in hub_names.GOOD for value in hub_names.GOOD[field]]
)
def test_b4_a_name_that_plan_takes_is_taken(field: str, value: str) -> None:
    assert parsed(field, value)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in hub_names.BAD for value in hub_names.BAD[field]]
)
def test_b4_a_name_that_plan_refuses_is_refused_in_words(field: str, value: str) -> None:
    with pytest.raises(ExitError, match=f"{field} is ") as caught:
        parsed(field, value)
    assert caught.value.code == 78
    said = str(caught.value)
    assert len(said) < 600
    assert "(?" not in said
    assert "A-Z" not in said
    assert said.isprintable()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("repo", 5),
        ("commit", int("1" * 40)),
        ("sha256", None),
        ("path", ["x.gguf"]),
        ("gen", 111111111111),
        ("id", True),
    ],
)
def test_b4_what_is_no_text_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ExitError, match=f"{field} is "):
        parsed(field, value)
