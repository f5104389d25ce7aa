"""Removes resources of the random provider from a state; earlier versions of the program made the API key with it.

To delete them Pulumi would need a plugin that is gone, though there is nothing to delete: a RandomPassword exists only
in the state. This module only edits an exported state; cli.py exports and imports.
"""

from typing import Any

Object = dict[str, Any]


def forget(deployment: Object) -> int:
    """Remove the provider's resources and all references to them, in place; returns how many were removed."""
    resources: list[Object] = deployment.get("resources") or []
    gone = {resource["urn"] for resource in resources if _is_retired(resource["type"])}
    if not gone:
        return 0
    deployment["resources"] = [resource for resource in resources if resource["urn"] not in gone]
    for resource in deployment["resources"]:
        if "dependencies" in resource:
            resource["dependencies"] = _without(resource["dependencies"], gone)
        properties: dict[str, list[str] | None] = resource.get("propertyDependencies") or {}
        for name, urns in properties.items():
            properties[name] = _without(urns or [], gone)
    return len(gone)


def _is_retired(kind: str) -> bool:
    return kind.startswith("random:") or kind == "pulumi:providers:random"


def _without(urns: list[str], gone: set[str]) -> list[str]:
    return [urn for urn in urns if urn not in gone]
