"""Who drafts tokens for a model: a small model beside it, or blocks of its own; by flags of newer and older builds."""

import re
from collections.abc import Mapping
from typing import Any

from ops.adopt.draft import Draft
from ops.adopt.flags.anyway import all_layers
from ops.adopt.flags.given import Given
from ops.adopt.flags.source import Place, host_path, of_path, valid_repo
from plan.base.hub_names import PLACEHOLDER
from plan.engine.flag_policy import refused
from plan.models.file_names import tag
from plan.text.show import plain

Flags = Mapping[str, Given]
_SIMPLE, _OWN = {"draft-simple", "draft"}, {"draft-mtp", "mtp"}
_NOBODY = "Only a small model of the same vocabulary drafts here, `draft`, or blocks of the model's own, `mtp`"
_ANOTHER = "A draft here is a small model of the same vocabulary; this kind is not planned"
# Names of the newer builds, and of those before llama.cpp b9180; a file and a repository are its draft's.
FLAGS = (
    "spec-draft-model spec-draft-hf spec-type spec-draft-n-max spec-draft-n-min draft draft-min spec-draft-type-k "
    "spec-draft-type-v spec-draft-ngl spec-draft-device ctx-size-draft cd"
)


def take(flags: Flags, draft: Draft) -> None:
    """`draft` or `mtp`, with how much is drafted; what is said of its place on the card is so anyway, or left."""
    if not flags:
        return
    said = flags["spec-type"].value if "spec-type" in flags else None
    types = {name for name in (said or "").split(",") if name}
    named = next((flags[name] for name in ("spec-draft-hf", "spec-draft-model") if name in flags), None)
    keys: dict[str, Any] = {}
    if named and not types - _SIMPLE:
        keys = _file(named, draft)
    elif not named and types and not types - _OWN:
        draft.keys["mtp"] = True
    else:
        for flag in flags.values():
            draft.leave(flag, _ANOTHER if named else _NOBODY)
        return
    keys |= _numbers(flags, draft)
    where = "draft" if named else "mtp"
    if keys:
        draft.keys["draft"] = keys
    draft.told(where, *(flags[name] for name in ("spec-draft-hf", "spec-draft-model", "spec-type") if name in flags))
    _place(flags, draft)


def _file(flag: Given, draft: Draft) -> dict[str, Any]:
    """`repo`, `quant` and `file` of the small model."""
    if flag.key == "spec-draft-hf":
        name, _, quant = (flag.value or "").partition(":")
        place = Place(valid_repo(name), None, "")
        quant = tag(quant) or quant
        if quant.lower() in ("", "latest"):
            quant = "Q4_K_M"
    else:
        place, quant = of_path(host_path(flag.value or "", draft)), ""
    own = place.repo is not None and place.repo == draft.keys["repo"]
    keys: dict[str, Any] = {} if own else {"repo": place.repo or PLACEHOLDER}
    if place.repo is None:
        draft.wants_repo = True
        draft.remarks["draft.repo"] = f"fill in: the repository that has {plain(place.path or quant, 120)}"
    found = quant or tag(place.path)
    # In the repository of its model a draft is known by its name alone, or by its path.
    by_path = place.path and (own or not found or "+" in found)
    return keys | ({"file": place.path} if by_path else {"quant": found})


def _numbers(flags: Flags, draft: Draft) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, names in (("max", ("draft", "spec-draft-n-max")), ("min", ("draft-min", "spec-draft-n-min"))):
        for flag in (flags[name] for name in names if name in flags):
            if not re.fullmatch("[0-9]{1,4}", flag.value or ""):
                draft.leave(flag, "It takes a whole number")
                continue
            found[key] = int(flag.value or "")
            draft.told(f"draft.{key}", flag)
    if not found.get("min"):
        found.pop("min", None)
    return found


def _place(flags: Flags, draft: Draft) -> None:
    """Where the draft is: with all layers on the card of its model, with a cache of the model's type and context."""
    kv_type = draft.keys.get("kv_type", "f16")
    for name in ("spec-draft-type-k", "spec-draft-type-v"):
        if name in flags and (flags[name].value or "").lower() == kv_type:
            draft.told("kv_type", flags[name])
        elif name in flags:
            draft.leave(flags[name], refused((name,)))
    for name in ("ctx-size-draft", "cd"):
        if name in flags:
            draft.needless(flags[name])
    if (layers := flags.get("spec-draft-ngl")) and all_layers(layers):
        draft.needless(layers)
    elif layers:
        draft.leave(layers, refused((layers.key,)))
    if device := flags.get("spec-draft-device"):
        draft.leave(device, refused((device.key,)))
