"""What a killed `pulumi` leaves in its state: creates that were begun and never noted as done.

An object that is there by now is adopted, or its name would be taken for ever; a create that never happened is
forgotten and begun anew. Only pure editing of an exported state is here; engine.py exports, imports and refreshes.
"""

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def settle(deployment: Object, find: Callable[[Object], Object | None]) -> list[str]:
    """Resolve `pending_operations` in place; returns the URNs of adopted resources, which have no outputs yet.

    `find` returns the live object with the apiVersion, kind and name of its argument, or None. Pulumi keeps pending
    creates until a person answers for each, and drops the other operations by itself; nothing reads what
    `refresh --import-pending-creates` notes (pulumi 3.259, cmd/pulumi/operations/refresh.go, backend/snapshot.go).
    """
    adopted: list[str] = []
    for operation in deployment.pop("pending_operations", []):
        resource = operation["resource"]
        if operation["type"] == "creating" and _is_object(resource) and _is_ours(resource, find(resource["inputs"])):
            _insert(deployment["resources"], {**resource, "id": _id(resource["inputs"])})
            adopted.append(resource["urn"])
    return adopted


def _is_object(resource: Object) -> bool:
    """A Patch is left out: applying it again is harmless."""
    kind = resource["type"]
    return kind.startswith("kubernetes:") and not kind.endswith("Patch") and "metadata" in resource.get("inputs", {})


def _is_ours(resource: Object, live: Object | None) -> bool:
    """Whether the object bears the labels we give it: a name can have been taken by someone else before."""
    wanted: dict[str, str] = resource["inputs"]["metadata"].get("labels", {})
    found: dict[str, str] = live["metadata"].get("labels", {}) if live else {}
    return bool(wanted) and wanted.items() <= found.items()


def _insert(resources: list[Object], new: Object) -> None:
    """Put `new` where its dependents find it: in the place of the one it replaces, else last."""
    place = len(resources)
    for index, old in enumerate(resources):
        if old["urn"] == new["urn"] and not old.get("delete"):
            place = index
            if old.get("pendingReplacement") or old.get("id") == new["id"]:
                del resources[index]  # deleted already, or the very same
            else:
                old["delete"] = True
            break
    resources.insert(place, new)


def _id(inputs: Object) -> str:
    metadata = inputs["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
