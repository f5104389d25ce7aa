"""The provider's own configuration: what Configure reads, and when a change of it replaces every resource.

Source: the official plugin's CheckConfig, DiffConfig and Configure, v4.32.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

from dev.plugin.diff.properties import UNKNOWN

_UNSUPPORTED = ("renderYamlToDirectory", "helmReleaseSettings", "skipUpdateUnreachable", "upsertExistingObjects")
_CLUSTER_KEYS = ("kubeconfig", "context", "cluster")


@dataclass(frozen=True, slots=True)
class Settings:
    """Provider inputs as the operations need them."""

    kubeconfig: str = ""  # a path or the contents; "" stands for $KUBECONFIG
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    patch_force: bool = False
    config_maps_mutable: bool = False
    secrets_mutable: bool = False


def read(inputs: dict[str, Any]) -> Settings:
    """Settings from the provider's inputs; raises ValueError for an option this plugin does not have."""
    if unsupported := [key for key in _UNSUPPORTED if inputs.get(key) not in (None, "", "false", False)]:
        raise ValueError(f"provider option {unsupported[0]} needs the official Kubernetes plugin; remove it")
    if not _flag(inputs, "enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", default=True):
        raise ValueError("the offline plugin only does server-side apply: remove enableServerSideApply=false")
    kubeconfig = inputs.get("kubeconfig")
    return Settings(
        kubeconfig=json.dumps(kubeconfig) if isinstance(kubeconfig, dict) else _text(kubeconfig),
        context=_text(inputs.get("context")),
        cluster=_text(inputs.get("cluster")),
        namespace=_text(inputs.get("namespace")),
        patch_force=_flag(inputs, "enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        config_maps_mutable=_flag(inputs, "enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        secrets_mutable=_flag(inputs, "enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
    )


def changes(olds: dict[str, Any], news: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(changed keys, keys that replace the provider and with it every resource).

    Another active cluster replaces, unless `clusterIdentifier` is set and the same; a changed identifier replaces.
    """
    changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
    before, after = olds.get("clusterIdentifier"), news.get("clusterIdentifier")
    if after and before == after:
        return changed, []
    replaces = ["clusterIdentifier"] if before is not None and after is not None and before != after else []
    if unknown := [key for key in _CLUSTER_KEYS if news.get(key) is UNKNOWN]:
        return unknown[:1], replaces + unknown[:1]
    if changed and _other_cluster(olds, news):
        replaces += [key for key in _CLUSTER_KEYS if key in changed]
    return changed, replaces


def _other_cluster(olds: dict[str, Any], news: dict[str, Any]) -> bool:
    from dev.plugin.api.kubeconfig import active_cluster

    before, after = (active_cluster(read({**bag, "enableServerSideApply": "true"})) for bag in (olds, news))
    return before is not None and after is not None and before != after


def _flag(inputs: dict[str, Any], key: str, variable: str, *, default: bool = False) -> bool:
    value = inputs.get(key)
    if value in (None, ""):
        value = os.environ.get(variable, default)
    return value in (True, "true")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
