"""Repairs the state of a killed `pulumi`, which lists creates that were begun and never noted as done.

An object that exists by now is adopted; otherwise its name would stay taken. A create that did not happen is forgotten,
and the next run does it. This module only edits an exported state; cli.py exports, imports and refreshes.
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
    """Whether it is a Kubernetes object; a Patch does not count, because applying it again is harmless."""
    kind = resource["type"]
    return kind.startswith("kubernetes:") and not kind.endswith("Patch") and "metadata" in resource.get("inputs", {})


def _is_ours(resource: Object, live: Object | None) -> bool:
    """Whether the object has our labels; somebody else may have taken the name before."""
    wanted: dict[str, str] = resource["inputs"]["metadata"].get("labels", {})
    found: dict[str, str] = live["metadata"].get("labels", {}) if live else {}
    return bool(wanted) and wanted.items() <= found.items()


def _insert(resources: list[Object], new: Object) -> None:
    """Put `new` in the place of the resource that it replaces, else last: dependents have to come after it."""
    place = len(resources)
    for index, old in enumerate(resources):
        if old["urn"] == new["urn"] and not old.get("delete"):
            place = index
            if old.get("pendingReplacement") or old.get("id") == new["id"]:
                del resources[index]  # deleted already, or the same object
            else:
                old["delete"] = True
            break
    resources.insert(place, new)


def _id(inputs: Object) -> str:
    metadata = inputs["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
