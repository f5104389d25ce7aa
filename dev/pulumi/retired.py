"""What a state still holds of the random provider, which an earlier version of the program used for the API key.

Deleting it would need a plugin that is no longer here, and deletes nothing: a RandomPassword is only in the state. Only
pure editing of an exported state is here; engine.py exports and imports.
"""

from typing import Any

Object = dict[str, Any]


def forget(deployment: Object) -> int:
    """Take the provider's resources and all mention of them out, in place; returns how many resources went."""
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
