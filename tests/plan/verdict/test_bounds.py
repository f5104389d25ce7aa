"""However much changes, or fails, it is told on one page; what is left out is counted, and DIFF=1 shows it."""

from collections.abc import Mapping
from typing import Any

import pytest

from plan.verdict import shown
from plan.verdict.verdict import Verdict, judge
from tests.plan.verdict.pages import kept
from tests.plan.verdict.prepared import changed
from tests.plan.verdict.steps import judged, step

MANY = 100
PAGE = 56
NOTES = [f"note {number}" for number in range(50)]
POD: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "a"}]}}}}
OTHER: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "b"}]}}}}


def many(op: str, type_: str, old: Any, new: Any, **state: Any) -> list[dict[str, Any]]:
    return [step(op, type_, f"thing-{number:03}", old, new, **state) for number in range(MANY)]


def renamed(count: int) -> Verdict:
    """All of a stack's models called otherwise, each with the Job that goes and the one that comes."""
    before, after = changed("nothing"), changed("nothing")
    for edited, name in ((before, "old"), (after, "new")):
        for number in range(count):
            edited.raw["models"][f"{name}-{number}"] = dict(edited.raw["models"]["qwen3vl-4b"])
            edited.lock(f"{name}-{number}", like="qwen3vl-4b", commit=f"{number:040}")
    digest = kept("nothing")
    (stack,) = [it for it in digest.steps if it.type == "pulumi:pulumi:Stack"]
    state = stack.old.model_copy(update={"outputs": {"contract": before.plan().contract}})
    return judge(digest.model_copy(update={"steps": [stack.model_copy(update={"old": state})]}), after.plan())


LARGE: Mapping[str, Verdict] = {
    "error": judged(errors=(("", "\n".join(f"line {number}" for number in range(200))),)),
    "errors": judged(errors=tuple(("", f"error {number}") for number in range(MANY))),
    "unknown steps": judged(*many("teleport", "Job", {}, {})),
    "deleted": judged(*many("delete", "Secret", {}, None)),
    "restarted": judged(*many("update", "Deployment", POD, OTHER)),
    "of others": judged(*many("update", "DeploymentPatch", POD, OTHER)),
    "protected": judged(*many("delete", "Secret", {}, None, protect=True)),
    "renamed": renamed(45),
    "all at once": judged(
        *many("teleport", "Job", {}, {}),
        *many("delete", "Secret", {}, None),
        *many("update", "Deployment", POD, OTHER),
        *many("update", "DeploymentPatch", POD, OTHER),
    ),
    "long names": judged(*[step("delete", "Secret", f"{'x' * 3000}{number}", {}) for number in range(MANY)]),
}


@pytest.mark.parametrize("notes", [[], NOTES], ids=["alone", "with-notes"])
@pytest.mark.parametrize("name", LARGE)
def test_it_fits_a_page_and_says_that_there_is_more(name: str, notes: list[str]) -> None:
    page = shown.page(LARGE[name], notes)
    assert len(page) <= PAGE
    about = page[: page.index("Notes:") if notes else None]
    assert any("and " in line and "more" in line and "DIFF=1 shows all" in line for line in about)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("error", "line 120"),
        ("errors", "error 50"),
        ("unknown steps", "teleport of kubernetes:batch/v1:Job thing-099-resource"),
        ("deleted", "Secret llama-cpp/thing-099 is deleted"),
        ("restarted", "Deployment llama-cpp/thing-099; no request"),
        ("of others", "others     Deployment llama-cpp/thing-099"),
        ("protected", "Secret thing-099-resource is protected"),
        ("renamed", "old-44 is called new-44"),
    ],
)
def test_what_is_left_out_is_shown_with_diff_1(name: str, told: str) -> None:
    assert told not in "\n".join(shown.page(LARGE[name], NOTES))
    whole = "\n".join(shown.page(LARGE[name], NOTES, whole=True))
    assert told in whole
    assert "DIFF=1" not in whole


def test_of_a_long_error_the_end_is_kept_where_it_says_what_to_do() -> None:
    page = shown.page(LARGE["error"], NOTES)
    assert "line 0" in page
    assert "line 199" in page


def test_what_cannot_be_undone_and_what_users_notice_come_before_what_is_cut() -> None:
    text = "\n".join(shown.page(LARGE["all at once"], NOTES))
    for it in ("for good   Secret", "and 94 more; DIFF=1 shows all", "restarts   nothing", "others     Deployment"):
        assert it in text
