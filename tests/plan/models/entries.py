"""Entries of the tests' lock with something changed in them, and what plan/models/agreement.py finds."""

from typing import Any

import pytest

from plan.base.errors import ConfigError
from plan.models import agreement, lock
from plan.models.lock import Lock, LockedModel
from tests import stacks
from tests.plans import made

UPDATE = "Run `bin/local-llm lock --update {}`."


def refusal(raw: dict[str, Any], the_lock: Lock | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        made(raw, the_lock)
    return str(caught.value)


def with_entry(model_id: str, changed: LockedModel) -> Lock:
    """The tests' lock with another entry for a model; its generation is that of its files, so that alone is right."""
    entry = changed.model_copy(update={"gen": lock.generation(changed.files)})
    whole = stacks.locked()
    return whole.model_copy(update={"models": {**whole.models, model_id: entry}})


def entry(model_id: str = "qwen3-8b") -> LockedModel:
    return stacks.locked().models[model_id]


def renamed(model_id: str, *paths: str) -> LockedModel:
    model = entry(model_id)
    files = [file.model_copy(update={"path": path}) for file, path in zip(model.files, paths, strict=True)]
    return model.model_copy(update={"files": tuple(files)})


def with_facts(model_id: str = "qwen3-8b", **groups: dict[str, Any]) -> LockedModel:
    """The entry with some facts changed: `shape={"head_count": 0}`."""
    model = entry(model_id)
    changed = {name: getattr(model.gguf, name).model_copy(update=keys) for name, keys in groups.items()}
    return model.model_copy(update={"gguf": model.gguf.model_copy(update=changed)})


def found(model: LockedModel) -> dict[str, str]:
    return {fault.key: fault.rule for fault in agreement.faults(model)}
