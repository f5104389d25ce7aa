"""Plans of the tests' own stacks, with changes."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from plan import config
from plan.models.lock import Lock
from plan.plan import Plan, make_plan
from tests import stacks
from tests.plan.drafts import entries as drafts

TODAY = datetime.date(2026, 11, 22)
_LARGE = {"total_mib": 81920, "context_mib": 300, "compute_capability": 9.0}


def planned(stack: str, the_lock: Lock | None = None, **changes: Any) -> Plan:
    """The plan of a stack whose keys of the first level are replaced by `changes`."""
    return made({**stacks.raw(stack), **changes}, the_lock)


def made(raw: dict[str, Any], the_lock: Lock | None = None) -> Plan:
    """The plan of a whole configuration; a chat template or a draft that it names is there."""
    stack = config.parse(raw)
    templates = {model.chat_template_file or "": "{{ messages }}" for model in stack.models.values()}
    return make_plan(stack, the_lock or drafts.following(stack, stacks.locked()), TODAY, templates)


def with_models(changes: dict[str, dict[str, Any]], engine: str = "llama-swap") -> Plan:
    """The plan of t4 with more keys at some models, on a card so large that every set of them fits."""
    raw = stacks.raw("t4")
    raw["server"]["engine"] = engine
    raw["gpu"] = {"model": "other", "card": _LARGE}
    for model_id, keys in changes.items():
        raw["models"][model_id].update(keys)
    return made(raw)


def renamed(*ids: str, stack: str = "t4", engine: str = "llama-swap", **keys: Any) -> tuple[dict[str, Any], Lock]:
    """The stack and its lock with its models under other ids, as far as there are some; `keys` are of the first."""
    raw, locked = stacks.raw(stack), stacks.locked()
    raw["server"]["engine"] = engine
    if raw["gpu"]["model"] != "none":
        raw["gpu"] |= {"model": "other", "card": _LARGE}
    old = sorted(raw["models"])[: len(ids)]
    models = {new: {**raw["models"][it], "fallback": None} for new, it in zip(ids, old, strict=True)}
    models[ids[0]] |= keys
    facts = {new: locked.models[it] for new, it in zip(ids, old, strict=True)}
    return {**raw, "models": models}, Lock.model_construct(version=1, models=facts)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """What a container gets: kubernetes v1.36, third_party/forked/golang/expansion, read anew."""
    known = re.compile(r"\$(?:\$|\(([^)]*)\))")
    return known.sub(lambda found: "$" if found[1] is None else variables.get(found[1], found[0]), text)
