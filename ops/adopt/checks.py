"""Holds a draft against the configuration's own model: what it refuses is left out, and told in its words."""

import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from ops.adopt.draft import Draft
from plan.base.errors import ConfigError
from plan.base.names import MODEL_ID, slug
from plan.config import Model
from plan.engine.args import rendered
from plan.models.thinking import require_bound
from plan.text.errors import in_words
from plan.text.show import has_secret, plain, show

AN_ID = "a model's id"
_READ = "It looks like a secret, and whoever reads the stack file would read it"
_NEEDED = {"repo", "quant", "file", "context"}


def model_id(swap_id: str) -> str:
    """The id here: what clients may not ask for becomes '-'; raises ValueError where nothing is left."""
    found = re.sub(r"[^A-Za-z0-9_./:-]+", "-", swap_id)
    found = re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", found[: MODEL_ID.longest])
    try:
        return MODEL_ID(found)
    except ValueError as error:
        raise ValueError(f"an id like {show(swap_id)} is none here: {error}") from None


def settle(draft: Draft) -> None:
    """Leave out what the configuration refuses; raises ValueError where that is the model itself."""
    if draft.model_id != draft.swap_id:
        draft.remarks["id"] = f"asked for as {show(draft.swap_id)} there"
    _leave_secrets(draft)
    try:
        rendered(draft.model_id, draft.keys.get("args", {}))
    except ConfigError as error:  # two names of one flag: each of them was fine
        draft.leave(f"args {show(draft.keys.pop('args'))}", error.fix)
    model = _valid(draft)
    try:
        if model.mode in (None, "chat"):
            require_bound(draft.model_id, model)
    except ConfigError as error:
        _without_thoughts(draft, error.fix)
        _valid(draft)
    for key in ("aliases", "args", "env", "variants"):
        if key in draft.keys and not draft.keys[key]:
            del draft.keys[key]


def _leave_secrets(draft: Draft) -> None:
    """Whatever looks like a token goes into no stack file; for `env` swap_keys sees to it."""
    for key in ("args", "aliases", "variants", "display_name", "description"):
        value: object = draft.keys.get(key)
        if isinstance(value, str) and has_secret(value):
            draft.keys.pop(key)
            draft.leave(key, _READ)
        elif isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            for name in [name for name, one in entries.items() if has_secret(f"{name} {one}")]:
                del entries[name]
                draft.leave(f"{key} {plain(name)}", _READ)
        elif isinstance(value, list):
            items = cast("list[str]", value)
            draft.keys[key] = [it for it in items if not has_secret(it)]
            for it in items:
                if has_secret(it):
                    draft.leave(f"{key} {plain(it)}", _READ)


def _without_thoughts(draft: Draft, why: str) -> None:
    draft.keys["reasoning"] = "off"
    for name in ("reasoning-budget", "chat-template-kwargs"):
        if name in draft.keys.get("args", {}):
            draft.leave(f"{name} {show(draft.keys['args'].pop(name))}", why)
    variants = draft.keys.get("variants", {})
    for name, variant in variants.items():
        if variant.pop("reasoning", "off") == "on":
            draft.leave(f"setParamsByID {plain(name)}: its thoughts", why)
    draft.keys["variants"] = {name: its for name, its in variants.items() if its}


def _valid(draft: Draft) -> Model:
    while True:
        try:
            return Model.model_validate(draft.keys)
        except ValidationError as error:
            problem = error.errors()[0]
            key, *below = problem["loc"]
            why = in_words(problem)
            if key in _NEEDED or key not in draft.keys:
                raise ValueError(f"{key} would be {show(draft.keys.get(str(key)))}: {why}") from None
            _drop(draft, str(key), below, why)


def _drop(draft: Draft, key: str, below: list[int | str], why: str) -> None:
    """Leave out one value of a list or a mapping, else the whole key."""
    holder = draft.keys[key]
    step = below[0] if below else None
    if isinstance(holder, list) and isinstance(step, int):
        items = cast("list[Any]", holder)
        draft.leave(f"{key} {show(items.pop(step))}", why)
    elif isinstance(holder, dict) and step in holder:
        entries = cast("dict[str, Any]", holder)
        draft.leave(f"{key} {plain(str(step))}", f"{why}" if key == "env" else f"got {show(entries[str(step)])}; {why}")
        del entries[str(step)]
    else:
        draft.leave(f"{key} {show(draft.keys.pop(key))}", why)


def require_one_meaning_per_name(drafts: list[Draft], taken: Mapping[str, str]) -> dict[str, str]:
    """Take out drafts and aliases whose name is another's; the ids of those drafts, and why."""
    names, slugs = dict(taken), {slug(name): name for name, what in taken.items() if what == AN_ID}
    refused: dict[str, str] = {}
    for draft in [*drafts]:
        if other := names.get(draft.model_id) or slugs.get(slug(draft.model_id)):
            refused[draft.swap_id] = f"its id would be {draft.model_id}, which is {other} already"
            drafts.remove(draft)
        else:
            names[draft.model_id], slugs[slug(draft.model_id)] = AN_ID, draft.model_id
    for draft in drafts:
        _own_variants(draft, names)
        kept = list[str]()
        for alias in draft.keys.get("aliases", ()):
            if alias == draft.model_id:
                continue
            if other := names.get(alias):
                draft.leave(f"alias {plain(alias)}", f"It is {other} already")
            else:
                names[alias] = f"an alias of {draft.model_id}"
                kept.append(alias)
        draft.keys["aliases"] = kept
        if not kept:
            del draft.keys["aliases"]
    return refused


def _own_variants(draft: Draft, names: dict[str, str]) -> None:
    """Leave out those whose name is another's."""
    for name in [*draft.keys.get("variants", {})]:
        if other := names.get(name):
            draft.leave(
                f"setParamsByID {plain(name)}: {show(draft.keys['variants'].pop(name))}", f"It is {other} already"
            )
        else:
            names[name] = f"a variant of {draft.model_id}"
    if not draft.keys.get("variants", True):
        del draft.keys["variants"]
