"""Objects of a stack that are gone from the cluster, or that somebody edited, since its state was written.

`pulumi up` compares the stack with its state alone, and so takes both for unchanged. Compared are the fields that the
stack sets; what others add beside them, also in a list, is theirs.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from plan.text.show import is_secret, plain, show

Object = dict[str, Any]
_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - marks a secret (pulumi 3.259, sdk/go/common/resource/sig)
_HOLDS_FILES = ("PersistentVolume", "PersistentVolumeClaim")
# By which an API server merges lists (listMapKeys in Kubernetes' OpenAPI, 1.36); a Service's ports have names, too.
_KEYS = ("name", "mountPath", "containerPort", "port")
_KEYED = re.compile(r"ontainers\[[^]]*\]$|ports\[[^]]*\]\.(?:port|containerPort)$")  # what an apply leaves beside ours
_SHOWN = 3  # changes of one object that are told; more are counted


class OtherClusterError(Exception):
    """The state and the answer are of two clusters; the text names both."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that is not as the state has it: gone, on its way (`going`), or with `changes` that `by` made.

    `fix` is the command that has to come before an `up` can mend it, "" where it can.
    """

    urn: str
    kind: str
    name: str
    changes: tuple[str, ...] = ()
    by: str = ""
    going: bool = False
    fix: str = ""

    @property
    def lost_files(self) -> bool:
        """Whether the way to the weights is gone, or going."""
        return self.kind in _HOLDS_FILES and not self.changes

    def __str__(self) -> str:
        what = f"{self.kind} {plain(self.name)}"
        if self.going:
            return f"{what} is being deleted"
        if not self.changes:
            return f"{what} is gone"
        more = f"; and {len(self.changes) - _SHOWN} more" if self.changes[_SHOWN:] else ""
        return f"{what} was edited by {plain(self.by) or 'somebody'}: {'; '.join(self.changes[:_SHOWN])}{more}"


def objects(state: Object) -> list[Object]:
    """The resources of an exported state that are objects of the cluster; not those that only wait to be deleted."""
    resources: list[Object] = state["deployment"].get("resources") or []
    return [
        it
        for it in resources
        if it["type"].startswith("kubernetes:") and not it.get("delete") and "name" in _metadata(it.get("outputs"))
    ]


def identity(resource: Object) -> Object:
    """What `kubectl get -f` and `kubectl delete -f` need to find the object of a resource."""
    outputs = resource["outputs"]
    metadata = {key: outputs["metadata"][key] for key in ("name", "namespace") if key in outputs["metadata"]}
    return {"apiVersion": outputs["apiVersion"], "kind": outputs["kind"], "metadata": metadata}


def compare(resources: Iterable[Object], live: Iterable[Object]) -> tuple[Drift, ...]:
    """What differs, in the order of the state. `live` are the objects that `identity` found, with managedFields.

    Raises OtherClusterError where the namespace kube-system, which every state has read, is another one.
    """
    found = {_key(it): it for it in live}
    drifts: list[Drift] = []
    for resource in resources:
        now = found.get(_key(resource["outputs"]))
        if resource.get("external"):
            _require_same(resource["outputs"], now)
        elif drift := _drift(resource, now):
            drifts.append(drift)
    return tuple(drifts)


def _require_same(read: Object, now: Object | None) -> None:
    before, uid = _metadata(read).get("uid"), _metadata(now).get("uid")
    if now is not None and before != uid:
        raise OtherClusterError(f"the state is of the cluster {before}, and kubectl asks {uid}")


def _drift(resource: Object, now: Object | None) -> Drift | None:
    old: Object = resource["outputs"]
    where = _metadata(old)
    name = "/".join(where[key] for key in ("namespace", "name") if key in where)
    named = (resource["urn"], str(old["kind"]), name)
    of_others = resource["type"].endswith("Patch")  # whole objects of others, of which some fields are ours
    if now is None or _metadata(now).get("deletionTimestamp"):
        return None if of_others else Drift(*named, going=now is not None)
    shape: Object = resource.get("inputs") or {}
    if of_others:  # the lists of a Patch are others', and an index in them says nothing
        shape = {"metadata": shape.get("metadata", {})}
    rewritten, changes = _rewritten(old, now), tuple(_changes("", shape, old, now))
    # Pulumi would replace the Secret, and with it the Deployment that mounts it; one that is gone is only made again.
    # An apply puts our element beside one with another key, and takes nothing away (Kubernetes, "Server-Side Apply").
    by_hand = rewritten or any(_KEYED.search(path) for path, _, _ in changes)
    fix = f"kubectl delete {str(old['kind']).lower()} {where['name']} -n {where.get('namespace')}" if by_hand else ""
    said = (
        *rewritten,
        *(f"{plain(path)} is {_shown(path, new)}, was {_shown(path, was)}" for path, new, was in changes),
    )
    return Drift(*named, changes=said, by=_editor(old, now), fix=fix) if said else None


def _changes(path: str, shape: Any, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The fields of `shape` in which `new` is not as `old`: path and both. A state's secrets are left out."""
    if _is_marked(shape) or _is_marked(old):
        return
    if isinstance(shape, dict) and isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("Object", old), cast("Object", new)
        for key, inner in cast("Object", shape).items():
            yield from _changes(f"{path}.{key}" if path else key, inner, before.get(key), after.get(key))
    elif isinstance(shape, list) and isinstance(old, list) and isinstance(new, list):
        before, after = cast("list[Any]", old), cast("list[Any]", new)
        ours = cast("list[Any]", shape)
        key = _key_of(ours)
        for index, inner in enumerate(ours):
            old_one, new_one = (_at(items, index, key, inner) for items in (before, after))
            yield from _changes(f"{path}[{_label(inner, index)}]", inner, old_one, new_one)
    elif old != new:
        yield path, new, old


def _shown(path: str, value: Any) -> str:
    return "***" if is_secret(path.rpartition(".")[2], value) else show(value)


def _label(item: object, index: int) -> object:
    return cast("Object", item).get("name", index) if isinstance(item, dict) else index


def _key_of(items: list[Any]) -> str:
    """What tells the elements of a list apart; "" where only their places do."""
    objects = [cast("Object", it) for it in items if isinstance(it, dict)]
    return next((key for key in _KEYS if len(objects) == len(items) and all(key in it for it in objects)), "")


def _at(items: list[Any], index: int, key: str, ours: Any) -> Any:
    """The element that is `ours` by its key, wherever others have put theirs; by its place in a list without keys."""
    if key:
        found = (cast("Object", it) for it in items if isinstance(it, dict))
        return next((it for it in found if it.get(key) == ours[key]), None)
    return items[index] if index < len(items) else None


def _rewritten(old: Object, now: Object) -> tuple[str, ...]:
    """Whether somebody wrote to a Secret's data, by who owns it: its content is in the state, but encrypted."""
    if old["kind"] != "Secret":
        return ()
    ours = {key for entry in _managers(old) for key in _owned(entry)}
    gone = sorted(ours - (now.get("data") or {}).keys())
    new = sorted({key for entry in _new_managers(old, now) for key in _owned(entry)} & ours - set(gone))
    return (*(f"data.{plain(key)} is gone" for key in gone), *(f"data.{plain(key)} was written anew" for key in new))


def _owned(entry: Object) -> set[str]:
    written: Object = entry.get("fieldsV1") or {}
    fields: Object = written.get("f:data") or {}
    return {key.removeprefix("f:") for key in fields if key.startswith("f:")}


def _editor(old: Object, now: Object) -> str:
    """Who wrote last, and when, of those who did not write before the state was saved; "" where nobody owns it."""
    wrote = max(_new_managers(old, now), key=lambda entry: str(entry.get("time", "")), default=None)
    return f"{wrote['manager']} at {wrote.get('time', 'an unknown time')}" if wrote else ""


def _new_managers(old: Object, now: Object) -> list[Object]:
    known = [(entry["manager"], entry.get("time")) for entry in _managers(old)]
    return [entry for entry in _managers(now) if (entry["manager"], entry.get("time")) not in known]


def _managers(obj: Object) -> list[Object]:
    entries: list[Object] = _metadata(obj).get("managedFields") or []
    return [entry for entry in entries if entry.get("subresource") != "status"]


def _metadata(obj: Object | None) -> Object:
    return (obj or {}).get("metadata") or {}


def _key(obj: Object) -> tuple[object, ...]:
    metadata = _metadata(obj)
    return obj["kind"], metadata.get("namespace"), metadata.get("name")


def _is_marked(value: object) -> bool:
    return isinstance(value, dict) and _SECRET in value
