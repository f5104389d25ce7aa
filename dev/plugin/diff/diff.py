"""Diff: the live object in state, cut to what we once wrote, against the new inputs.

The cluster is not asked. Lists are compared by index. Source: the official plugin's provider.go, v4.32.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dev.plugin.api import kinds
from dev.plugin.api.metadata import (
    AUTONAMED,
    REPLACE_UNREADY,
    field,
    is_named,
    is_set,
    name_of,
    namespace_of,
    set_namespace,
)
from dev.plugin.diff.normalize import normalize
from dev.plugin.diff.properties import UNKNOWN
from dev.plugin.diff.propertypath import Path, contains, render
from dev.plugin.diff.prune import prune
from dev.plugin.diff.state import parse
from dev.plugin.values import Object, is_list, is_object

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One differing path. `kind` is ADD, DELETE or UPDATE; `forced` when the field cannot change in place."""

    path: Path
    kind: str
    forced: bool

    @property
    def key(self) -> str:
        return render(self.path)


@dataclass(frozen=True, slots=True)
class Difference:
    """What would change; `delete_first` when the new object must have the old one's name."""

    changes: list[Change]
    replaces: list[str]
    delete_first: bool


def diff(
    type_token: str,
    olds: dict[str, Any],
    news: dict[str, Any],
    ignore: list[Path],
    *,
    config_maps_mutable: bool = False,
    secrets_mutable: bool = False,
    extra_replace: bool = False,
) -> Difference:
    """Compare the checkpoint `olds` with the checked inputs `news`, leaving out what lies under a path of `ignore`.

    `extra_replace` says that the object must be replaced for another reason than its fields.
    """
    state, inputs = parse(olds), normalize(news)
    live = prune(state.live, normalize(state.inputs))
    _align(live, inputs, state.live)
    patterns = kinds.IDENTITY
    if not kinds.is_patch(type_token):
        mutable = {"config_maps_mutable": config_maps_mutable, "secrets_mutable": secrets_mutable}
        patterns = patterns + kinds.force_new(inputs, **mutable)
    found = [
        Change(path, kind, any(_matches(pattern, path, new) for pattern in patterns))
        for path, kind, new in _compare((), live, inputs)
        if not any(contains(outer, path) for outer in ignore)
    ]
    replaces = [change.key for change in found if change.forced or change.path == ("metadata",)]
    if extra_replace:
        replaces.append(f'.metadata.annotations["{REPLACE_UNREADY}"]')
    same_place = name_of(inputs) == name_of(state.live) and namespace_of(inputs) == namespace_of(state.live)
    by_hand = is_named(inputs) and not is_set(inputs, AUTONAMED)
    return Difference(found, replaces, bool(replaces) and by_hand and same_place)


def _align(live: dict[str, Any], inputs: dict[str, Any], whole: dict[str, Any]) -> None:
    """Make equal, in place, what means the same: no namespace is `default`, and the name is the one in state."""
    api_version, kind = str(inputs.get("apiVersion", "")), str(inputs.get("kind", ""))
    for obj in (live, inputs):
        namespaced = kinds.is_namespaced(api_version, kind)
        set_namespace(obj, (namespace_of(obj) or "default") if namespaced else "")
    if is_object(metadata := live.get("metadata")):
        metadata.pop("resourceVersion", None)
        if name_of(inputs):
            metadata["name"] = field(whole, "metadata", "name")
    for key in ("apiVersion", "kind"):
        live.setdefault(key, inputs.get(key))


def _compare(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, str, Any]]:
    if new is UNKNOWN and is_object(old):
        new = Object()  # not known before `up`: the official plugin reports everything in the old object as removed
    if is_object(old) and is_object(new):
        for key in sorted({*old, *new}):
            yield from _compare((*path, key), old.get(key, _MISSING), new.get(key, _MISSING))
    elif is_list(old) and is_list(new):
        for index in range(max(len(old), len(new))):
            pair = (items[index] if index < len(items) else _MISSING for items in (old, new))
            yield from _compare((*path, index), *pair)
    elif new is _MISSING or new is None:
        if old is not _MISSING and old is not None:
            yield path, "DELETE", None
    elif old is _MISSING:
        yield path, "ADD", new
    elif isinstance(old, bool) != isinstance(new, bool) or old != new:
        yield path, "UPDATE", new


def _matches(pattern: kinds.Pattern, path: Path, new: Any) -> bool:
    """Whether the change at `path` touches `pattern`: it lies below, or the pattern lies inside the new value."""
    for wanted, step in zip(pattern, path, strict=False):
        if wanted != ("*" if isinstance(step, int) else step):
            return False
    for position, wanted in enumerate(pattern[len(path) :], start=len(path)):
        if wanted == "*":
            return is_list(new) and any(_matches(pattern[position + 1 :], (), item) for item in new)
        if not is_object(new) or wanted not in new:
            return False
        new = new[wanted]
    return True
