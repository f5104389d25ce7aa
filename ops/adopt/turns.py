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


@dataclass(slots=True)
class Turns:
    """The keys of each model by id, and lines about what is otherwise than there."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    left: list[str] = field(default_factory=list[str])

    def mapping(self, value: object, what: str, *known: str) -> dict[str, Any]:
        """A mapping that may have the `known` keys, or any; what is none is told."""
        if not isinstance(value, dict):
            self.left += [f"{what} {show(value)}: it is a mapping"] if value is not None else []
            return {}
        found = cast("dict[str, Any]", value)
        odd = [key for key in found if known and key not in known]
        self.left += [f"{what}, {plain(key)}: llama-swap v250 has no such key" for key in odd]
        return found

    def ids(self, value: object, what: str) -> list[str]:
        """A list of ids; what is none is told."""
        if not isinstance(value, list):
            self.left += [f"{what} {show(value)}: it is a list of ids"] if value is not None else []
            return []
        return [str(it) for it in cast("list[Any]", value)]


def turns(rest: Mapping[str, Any], idle_s: Mapping[str, int], aliases: Mapping[str, str]) -> Turns:
    """Who takes turns with whom. `idle_s` are the models by id and the seconds after which each is unloaded, or 0.

    `aliases` are other names of models, and whose each is.
    """
    found = Turns()
    on_startup = found.mapping(rest.get("hooks"), "hooks", "on_startup").get("on_startup")
    named = found.ids(found.mapping(on_startup, "hooks.on_startup", "preload").get("preload"), "preload")
    preload = [aliases.get(name, name) for name in map(str.strip, named) if name]
    declared, matrix = _routing(rest, found)
    for name, group in declared.items():
        _take(name, group, idle_s, set(preload), found)
    for model_id in preload:
        if not found.keys.get(model_id, {}).get("resident"):
            rule = "its first request loads it; with `resident` it is loaded at the start, and never unloaded"
            found.left.append(f"hooks.on_startup.preload {plain(model_id)}: {rule}")
    if matrix:
        _of_matrix(matrix, idle_s, found)
    return found


def _routing(rest: Mapping[str, Any], found: Turns) -> tuple[dict[str, Any], dict[str, Any]]:
    """Groups and matrix, at the top or, since v225, below `routing`."""
    routing = found.mapping(rest.get("routing"), "routing", "router", "scheduler")
    router = found.mapping(routing.get("router"), "routing.router", "use", "settings")
    settings = found.mapping(router.get("settings"), "routing.router.settings", "groups", "matrix")
    declared, matrix = (
        found.mapping(rest.get(name), name) or found.mapping(settings.get(name), name) for name in ("groups", "matrix")
    )
    if (scheduler := routing.get("scheduler")) is not None:
        found.left.append(f"routing.scheduler {show(scheduler)}: requests are served in their order")
    if declared and matrix:
        counts = "matrix" if router.get("use") == "matrix" else "groups"
        found.left.append(f"groups and a matrix: one of them counts in llama-swap, here the {counts}")
        return ({}, matrix) if counts == "matrix" else (declared, {})
    return declared, matrix


def _take(name: str, group: object, idle_s: Mapping[str, int], preload: set[str], found: Turns) -> None:
    said = found.mapping(group, f"group {plain(name)}", "swap", "exclusive", "persistent", "members")
    members = found.ids(said.get("members"), f"group {plain(name)}")
    found.left += [f"group {plain(name)}: there is no model {plain(it)}" for it in members if it not in idle_s]
    members = [it for it in members if it in idle_s]
    swaps, is_exclusive, stays = (
        said.get(key, default) is True for key, default in (("swap", True), ("exclusive", True), ("persistent", False))
    )
    if not swaps:
        for model_id in members:
            is_resident = idle_s[model_id] == 0 and (stays or model_id in preload)
            found.keys[model_id] = {"resident": True} if is_resident else {"swap_group": _name(model_id)}
    elif stays or not is_exclusive:
        label = _name(name)
        while label in map(_name, idle_s):  # a model of that id may be in a group of its own
            label = f"{label}-group"
        found.keys |= {model_id: {"swap_group": label} for model_id in members}
    else:
        return
    if members and not stays:
        rule = f"others unloaded it; here its models stay loaded beside one of {DEFAULT_GROUP}, and the card needs room"
        found.left.append(f"group {plain(name)}: {rule}")


def _of_matrix(matrix: Mapping[str, Any], ids: Collection[str], found: Turns) -> None:
    sets = {name: str(said) for name, said in found.mapping(matrix.get("sets"), "matrix.sets").items()}
    names = {name: str(model_id) for name, model_id in found.mapping(matrix.get("vars"), "matrix.vars").items()}
    try:
        first, *others = groups(sets, names, ids)
    except ValueError as error:
        found.left.append(f"matrix: {error}, so all models take turns")
        return
    for group in others:
        found.keys |= {model_id: {"swap_group": _name(group[0])} for model_id in group}
    how = "one of each `swap_group` is loaded at a time" if others else "all models take turns"
    found.left += [f"matrix set {plain(name)} {show(said, 200)}: {how}" for name, said in sets.items()]
    if len(first) == len(ids) > 1:
        found.left.append("matrix: those that are to be loaded together need a `swap_group` each")
    for key in (key for key in matrix if key not in ("vars", "sets")):
        found.left.append(f"matrix {plain(key)}: a model is unloaded when another of its group is asked for")


def _name(text: str) -> str:
    """A group's name here is a label, and some have a meaning."""
    label = slug(text)
    return f"{label.strip('-') or 'group'}-group" if label in (RESIDENT, DEFAULT_GROUP) or label[0] == "-" else label
