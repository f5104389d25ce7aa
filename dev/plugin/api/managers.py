"""Field managers: who owns which field of a live object, and taking over what our own creates and kubectl own.

Source: structured-merge-diff's FieldsV1 and the official plugin's await.go (fixCSAFieldManagers,
handleSSAIgnoreFields), v4.32.
"""

from typing import Any

from dev.plugin.api.metadata import Object, field, text
from dev.plugin.values import is_object

CREATE_MANAGER = "pulumi-kubernetes"
_TAKEN_OVER = {
    ("kubectl", "Apply"),
    *((name, "Update") for name in ("kubectl", "before-first-apply", CREATE_MANAGER)),
    *((name, "Update") for name in ("pulumi-kubernetes.exe", "pulumi-resource-kubernetes")),
}
FieldsEntry = dict[str, Any]


def take_over(live: Object, manager: str) -> list[FieldsEntry] | None:
    """The object's managedFields with what our create and kubectl own given to `manager`; None where they own nothing.

    The next apply then removes what kubectl set and our inputs do not name, as with the official plugin.
    """
    entries: list[FieldsEntry] = field(live, "metadata", "managedFields") or []
    taken = [entry for entry in entries if _key(entry) in _TAKEN_OVER and not entry.get("subresource")]
    if not taken:
        return None
    ours = [entry for entry in entries if _key(entry) == (manager, "Apply") and not entry.get("subresource")]
    fields: FieldsEntry = {}
    for entry in (*ours, *taken):
        fields = _union(fields, entry.get("fieldsV1") or {})
    merged = {**(ours or taken)[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}
    return [*(entry for entry in entries if entry not in ours and entry not in taken), merged]


def written_by_create(live: Object) -> bool:
    """Whether our create still owns fields: a dry run then reports conflicts that the real update does not meet."""
    entries: list[FieldsEntry] = field(live, "metadata", "managedFields") or []
    return any(_key(entry) == (CREATE_MANAGER, "Update") for entry in entries)


def drop_ignored(inputs: Object, live: Object, manager: str, ignore: list[str]) -> None:
    """Change `inputs` in place so that applying them leaves the ignored paths as they are in the cluster.

    A field that only others own is left out; any other gets its live value. Paths into lists are not handled, as in
    the official plugin.
    """
    entries: list[FieldsEntry] = field(live, "metadata", "managedFields") or []
    for path in (ignored.split(".") for ignored in ignore):
        owners = {text(entry, "manager") for entry in entries if _owns(entry.get("fieldsV1") or {}, path)}
        parent = field(inputs, *path[:-1]) if len(path) > 1 else inputs
        if not is_object(parent):
            continue
        if owners and manager not in owners:
            parent.pop(path[-1], None)
        elif (value := field(live, *path)) is not None:
            parent[path[-1]] = value


def _owns(fields: FieldsEntry, path: list[str]) -> bool:
    for step in path:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
    return True


def _key(entry: FieldsEntry) -> tuple[str, str]:
    return text(entry, "manager"), text(entry, "operation")


def _union(one: FieldsEntry, other: FieldsEntry) -> FieldsEntry:
    """Fields in either of two FieldsV1 sets. A leaf is {}; an object that is itself owned has the key "."."""
    if not one or not other:
        return one or other
    return {key: _member_union(one.get(key), other.get(key)) for key in {**one, **other}}


def _member_union(one: FieldsEntry | None, other: FieldsEntry | None) -> FieldsEntry:
    if one is None or other is None:
        return (other if one is None else one) or {}
    merged = _union(one, other)
    return {".": {}, **merged} if merged and (not one or not other) else merged
