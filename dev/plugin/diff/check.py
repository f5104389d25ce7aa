"""Check: the inputs of a resource as they will be stored, compared and sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dev.plugin.api import kinds
from dev.plugin.api.metadata import (
    AUTONAMED,
    field,
    is_named,
    is_set,
    name_of,
    set_auto_name,
    set_namespace,
    unique_name,
)
from dev.plugin.diff.normalize import normalize
from dev.plugin.diff.properties import mark_secrets, plain


@dataclass(frozen=True, slots=True)
class Naming:
    """How to name an object without a name: Pulumi's seed, and its `pulumi:autonaming` proposal if any."""

    prefix: str
    seed: bytes = b""
    proposed: str = ""
    disabled: bool = False


def check(
    type_token: str,
    olds: dict[str, Any],
    news: dict[str, Any],
    naming: Naming,
    default_namespace: Callable[[], str],
) -> dict[str, Any]:
    """Checked inputs: normalised, named, in a namespace; secrets stay secret.

    `default_namespace` is asked only where it is needed. Raises ValueError with what to change.
    """
    inputs = normalize(news)
    if kinds.is_patch(type_token):
        if not is_named(inputs):
            raise ValueError("a Patch resource edits an existing object: set metadata.name to that object's name")
    elif not is_named(inputs):
        _name(inputs, plain(olds), naming)
    api_version, kind = kinds.from_type(type_token)
    if not field(inputs, "metadata", "namespace") and kinds.is_namespaced(api_version, kind):
        set_namespace(inputs, default_namespace())
    mark_secrets(inputs, news)
    return inputs


def _name(inputs: dict[str, Any], olds: dict[str, Any], naming: Naming) -> None:
    if field(inputs, "metadata", "generateName"):
        raise ValueError("metadata.generateName does not work with server-side apply: set metadata.name, or neither")
    if is_set(olds, AUTONAMED):
        set_auto_name(inputs, name_of(olds))
    elif naming.disabled:
        raise ValueError("autonaming is disabled for this stack: set metadata.name")
    elif not olds:
        set_auto_name(inputs, naming.proposed or unique_name(f"{naming.prefix}-", naming.seed))
