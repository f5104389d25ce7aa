"""llama-swap's groups as `resident` and `swap_group`.

There, loading a model of an exclusive group unloads all other groups but the persistent ones (v250,
internal/router/group.go), and models without a group are in one that is exclusive. So all exclusive groups that swap
have one model loaded between them, as the default group here has. Here no group unloads another.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ops.adopt.llama_swap.matrix import groups
from plan.base.names import slug
from plan.config.model import DEFAULT_GROUP
from plan.models.residency import RESIDENT
from plan.text.show import plain, show

_KNOWN = {"swap", "exclusive", "persistent", "members"}


@dataclass(slots=True)
class Turns:
    """The keys of each model by id, and lines about what is otherwise than there."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    left: list[str] = field(default_factory=list[str])


def turns(rest: Mapping[str, Any], idle_s: Mapping[str, int]) -> Turns:
    """Who takes turns with whom. `idle_s` are the models by id and the seconds after which each is unloaded, or 0."""
    found = Turns()
    declared, matrix = _routing(rest, found)
    hooks = rest.get("hooks")
    preload = _texts(_at(hooks, "on_startup", "preload"))
    for name, group in declared.items():
        _take(name, group, idle_s, set(preload), found)
    for model_id in preload:
        if not found.keys.get(model_id, {}).get("resident"):
            rule = "it is loaded by its first request; `resident: true` loads it at the start, and never unloads it"
            found.left.append(f"hooks.on_startup.preload {plain(model_id)}: {rule}")
    if matrix:
        _of_matrix(matrix, idle_s, found)
    return found


def _routing(rest: Mapping[str, Any], found: Turns) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Groups and matrix, at the top or, since v225, below `routing`."""
    router = _at(rest, "routing", "router")
    settings = _at(router, "settings")
    declared = {**_mapping(rest.get("groups")), **_mapping(_at(settings, "groups"))}
    matrix = _mapping(rest.get("matrix")) or _mapping(_at(settings, "matrix"))
    if _at(router, "use") == "matrix" and declared:
        found.left += [f"group {plain(name)}: routing.router.use says that the matrix counts" for name in declared]
        declared = {}
    elif _at(router, "use") == "group":
        matrix = {}
    if scheduler := _at(rest, "routing", "scheduler"):
        found.left.append(f"routing.scheduler {show(scheduler)}: requests are served in their order")
    return declared, matrix


def _take(name: str, group: object, idle_s: Mapping[str, int], preload: set[str], found: Turns) -> None:
    said = _mapping(group)
    members = _texts(said.get("members"))
    found.left += [
        f"group {plain(name)}, {plain(key)}: llama-swap v250 has no such key" for key in said if key not in _KNOWN
    ]
    found.left += [f"group {plain(name)}: there is no model {plain(it)}" for it in members if it not in idle_s]
    swaps, is_exclusive, stays = (said.get(key, default) is not False for key, default in (
        ("swap", True), ("exclusive", True), ("persistent", False),
    ))  # fmt: skip
    members = [it for it in members if it in idle_s]
    if not swaps:
        for model_id in members:
            is_resident = idle_s[model_id] == 0 and (stays or model_id in preload)
            found.keys[model_id] = {"resident": True} if is_resident else {"swap_group": _name(model_id)}
    elif stays or not is_exclusive:
        found.keys |= {model_id: {"swap_group": _name(name)} for model_id in members}
    else:
        return
    if members and not stays:
        rule = f"others unloaded it; here its models stay loaded beside one of {DEFAULT_GROUP}, and the card needs room"
        found.left.append(f"group {plain(name)}: {rule}")


def _of_matrix(matrix: Mapping[str, Any], ids: Collection[str], found: Turns) -> None:
    sets = {name: str(said) for name, said in _mapping(matrix.get("sets")).items()}
    names = {name: str(model_id) for name, model_id in _mapping(matrix.get("vars")).items()}
    try:
        first, *others = groups(sets, names, ids)
    except ValueError as error:
        found.left.append(f"matrix: {error}, so all models take turns")
        return
    for group in others:
        found.keys |= {model_id: {"swap_group": _name(group[0])} for model_id in group}
    for name, said in sets.items():
        how = "one of each `swap_group` is loaded at a time" if others else "all models take turns"
        found.left.append(f"matrix set {plain(name)} {show(said, 200)}: {how}")
    if len(first) == len(ids) > 1:
        found.left.append("matrix: those that are to be loaded together need a `swap_group` each")
    for key in (key for key in matrix if key not in ("vars", "sets")):
        found.left.append(f"matrix {plain(key)}: a model is unloaded when another of its group is asked for")


def _name(text: str) -> str:
    """A group's name here is a label, and some have a meaning."""
    label = slug(text)
    return f"{label.strip('-') or 'group'}-group" if label in (RESIDENT, DEFAULT_GROUP) or label[0] == "-" else label


def _at(value: object, *keys: str) -> Any:
    for key in keys:
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    return value


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    return [str(it) for it in cast("list[Any]", value)] if isinstance(value, list) else []
