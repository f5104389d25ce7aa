"""Whose requests fail: an id that is gone may still be an alias, and a name may lead to another model."""

from collections.abc import Callable

import pytest

from plan.verdict.verdict import judge
from tests.plan.verdict import pages
from tests.plan.verdict.prepared import Edited, changed
from tests.plan.verdict.steps import said


def without(it: Edited) -> None:
    del it.raw["models"]["minicpm-v-4-5"]


def alias_of_another(it: Edited) -> None:
    without(it)
    it.raw["models"]["qwen3-8b"]["aliases"] = ["minicpm-v-4-5"]


def called(it: Edited, *ids: str) -> None:
    model = it.raw["models"].pop("qwen3vl-4b")
    for model_id in ids:
        it.raw["models"][model_id] = dict(model)
        it.lock(model_id, like="qwen3vl-4b")


def renamed(it: Edited) -> None:
    called(it, "aa")


def renamed_with_alias(it: Edited) -> None:
    called(it, "aa")
    it.raw["models"]["aa"]["aliases"] = ["qwen3vl-4b"]


def renamed_and_alias_of_another(it: Edited) -> None:
    called(it, "aa")
    it.raw["models"]["qwen3-8b"]["aliases"] = ["qwen3vl-4b"]


def two(it: Edited) -> None:
    called(it, "aa", "bb")


def two_with_alias(it: Edited) -> None:
    called(it, "aa", "bb")
    it.raw["models"]["bb"]["aliases"] = ["qwen3vl-4b"]


def text(edit: Callable[[Edited], None], before: Callable[[Edited], None] | None = None) -> str:
    """What is said of an edit of what is deployed; `before` edits what was deployed."""
    edited, deployed = changed("nothing"), changed("nothing")
    edit(edited)
    digest = pages.kept("nothing")
    if before:
        before(deployed)
        for step in digest.steps:
            if step.type == "pulumi:pulumi:Stack":
                outputs = {"contract": deployed.plan().contract}
                stack = step.model_copy(update={"old": step.old.model_copy(update={"outputs": outputs})})
                digest = digest.model_copy(update={"steps": [stack]})
    return said(judge(digest, edited.plan()))


@pytest.mark.parametrize(
    ("edit", "told", "never"),
    [
        (without, ["requests for minicpm-v-4-5 fail: the id is gone"], "answered"),
        (alias_of_another, ["requests for minicpm-v-4-5 are answered by qwen3-8b from now on"], "fail"),
        (renamed, ["qwen3vl-4b is called aa: requests for the old id fail, unless aa has it"], "new"),
        (renamed_with_alias, ["qwen3vl-4b is called aa: requests for the old id are answered too"], "fail"),
        (renamed_and_alias_of_another, ["qwen3vl-4b are answered by qwen3-8b from now on", "aa is new"], "fail"),
        (two, ["qwen3vl-4b is called aa and bb: requests for the old id fail, unless one of them"], "new"),
        (two_with_alias, ["qwen3vl-4b is called bb: requests for the old id are answered too", "aa is new"], "fail"),
    ],
)
def test_requests_fail_only_where_no_model_has_the_name(
    edit: Callable[[Edited], None], told: list[str], never: str
) -> None:
    seen = text(edit)
    for it in told:
        assert it in seen
    assert never not in seen


def test_an_alias_that_no_model_has_any_more_fails() -> None:
    assert "requests for minicpm-v-4-5 fail: no model has it" in text(without, alias_of_another)


def test_an_alias_that_becomes_an_id_leads_to_another_model() -> None:
    seen = text(lambda _: None, alias_of_another)
    assert "requests for minicpm-v-4-5 are answered by minicpm-v-4-5 from now on" in seen
    assert "minicpm-v-4-5 is new" in seen


def test_names_that_lead_where_they_led_are_not_told() -> None:
    assert text(alias_of_another, alias_of_another) == "Nothing changes."


def test_an_alias_that_goes_along_with_its_renamed_model_is_not_told() -> None:
    def before(it: Edited) -> None:
        it.raw["models"]["qwen3vl-4b"]["aliases"] = ["small"]

    def after(it: Edited) -> None:
        before(it)
        renamed(it)

    assert "small" not in text(after, before)
