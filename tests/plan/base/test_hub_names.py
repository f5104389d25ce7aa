"""B4: one rule for a repository, a revision and a path at the hub, in the configuration and in the lock."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.base.hub_names import repository_path
from plan.models import lock
from plan.models.lock import Lock, LockedFile
from tests import hub_names, stacks

JARGON = re.compile(r"pattern|regex|\[A-Z|\\w|\{0,", re.I)


def configured(**keys: Any) -> config.Stack:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"].update(keys)
    return config.parse(raw)


def lock_text(**keys: Any) -> str:
    """The tests' lock with other names, as no `ops lock` writes it."""
    whole = stacks.locked()
    model = whole.models["qwen3-8b"]
    if path := keys.pop("path", None):
        keys["files"] = (model.files[0].model_copy(update={"path": path}),)
    return lock.dump(Lock.model_construct(version=1, models={"qwen3-8b": model.model_copy(update=keys)}))


def said(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        lock.load(text)
    return str(caught.value)


@pytest.mark.parametrize("repo", hub_names.GOOD["repo"])
def test_b4_a_repository_as_the_hub_allows_it_is_one(repo: str) -> None:
    assert configured(repo=repo).models["qwen3-8b"].repo == repo
    assert lock.load(lock_text(repo=repo)).models["qwen3-8b"].repo == repo


@pytest.mark.parametrize("repo", hub_names.BAD["repo"])
def test_b4_a_repository_that_could_lead_elsewhere_is_refused_in_words(repo: str) -> None:
    with pytest.raises(ConfigError, match=r"models\.qwen3-8b\.repo") as caught:
        configured(repo=repo)
    assert not JARGON.search(str(caught.value).replace(repo, "")), "a person is told the rule"


@pytest.mark.parametrize("repo", [repo for repo in hub_names.BAD["repo"] if repo.isprintable()])
def test_b4_a_lock_with_such_a_repository_is_refused_with_the_command_that_mends_it(repo: str) -> None:
    told = said(lock_text(repo=repo))
    assert "models.lock.yaml.models.qwen3-8b.repo" in told
    assert "Run `bin/local-llm lock --update qwen3-8b`" in told


@pytest.mark.parametrize("revision", hub_names.GOOD_REVISIONS)
def test_b4_a_branch_a_tag_or_a_commit_is_a_revision(revision: str) -> None:
    assert configured(revision=revision).models["qwen3-8b"].revision == revision
    assert lock.load(lock_text(revision=revision)).models["qwen3-8b"].revision == revision


@pytest.mark.parametrize("revision", hub_names.BAD_REVISIONS)
def test_b4_a_revision_that_could_lead_elsewhere_is_refused_in_words(revision: str) -> None:
    with pytest.raises(ConfigError, match=r"models\.qwen3-8b\.revision") as caught:
        configured(revision=revision)
    assert not JARGON.search(str(caught.value).replace(revision or "-", ""))


@pytest.mark.parametrize("path", hub_names.GOOD["path"])
def test_b4_a_path_below_the_repository_is_one(path: str) -> None:
    assert LockedFile(role="model", path=path, size=1, sha256="0" * 64).path == path


@pytest.mark.parametrize("path", hub_names.BAD["path"])
def test_b4_a_path_that_could_leave_the_repository_is_refused_in_words(path: str) -> None:
    with pytest.raises(ValueError, match="path") as caught:
        LockedFile(role="model", path=path, size=1, sha256="0" * 64)
    assert not JARGON.search(str(caught.value).split("[type=")[0].replace(path or "-", ""))


@pytest.mark.parametrize("path", ["./x.gguf", "a//x.gguf", "../x.gguf", "-x.gguf", "a\\x.gguf"])
def test_b4_a_lock_with_such_a_path_is_refused_with_the_command_that_mends_it(path: str) -> None:
    told = said(lock_text(path=path))
    assert "models.lock.yaml.models.qwen3-8b.files.0.path" in told
    assert "Run `bin/local-llm lock --update qwen3-8b`" in told


@given(st.lists(st.sampled_from(["a", ".", "..", "", "-a", "a ", "x.gguf", "\\"]), min_size=1, max_size=5))
def test_b4_what_is_accepted_never_leaves_its_directory(parts: list[str]) -> None:
    path = "/".join(parts)
    try:
        repository_path(path)
    except ValueError:
        return
    depth = 0
    for part in path.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        assert depth > 0
