"""Plans of the tests' own stacks, with changes."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from plan import config
from plan.models.lock import Lock
from plan.plan import Plan, make_plan
from tests import stacks

TODAY = datetime.date(2026, 11, 22)


def planned(stack: str, the_lock: Lock | None = None, **changes: Any) -> Plan:
    """The plan of a stack whose keys of the first level are replaced by `changes`."""
    return made({**stacks.raw(stack), **changes}, the_lock)


def made(raw: dict[str, Any], the_lock: Lock | None = None) -> Plan:
    """The plan of a whole configuration."""
    return make_plan(config.parse(raw), the_lock or stacks.locked(), TODAY)


def with_models(changes: dict[str, dict[str, Any]], engine: str = "llama-swap") -> Plan:
    """The plan of t4 with more keys at some models, on a card so large that every set of them fits."""
    raw = stacks.raw("t4")
    raw["server"]["engine"] = engine
    raw["gpu"] = {"model": "other", "card": {"total_mib": 81920, "context_mib": 300, "compute_capability": 9.0}}
    for model_id, keys in changes.items():
        raw["models"][model_id].update(keys)
    return made(raw)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """What a container gets: kubernetes v1.36, third_party/forked/golang/expansion, read anew."""
    known = re.compile(r"\$(?:\$|\(([^)]*)\))")
    return known.sub(lambda found: "$" if found[1] is None else variables.get(found[1], found[0]), text)
