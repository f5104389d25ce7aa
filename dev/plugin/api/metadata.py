"""Reading an object's identity and the `pulumi.com/` annotations; choosing names."""

import hashlib
import secrets
from typing import Any

from dev.plugin.values import Object, is_object

AUTONAMED = "pulumi.com/autonamed"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
PATCH_FORCE = "pulumi.com/patchForce"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
WAIT_FOR = "pulumi.com/waitFor"
REVISION = "deployment.kubernetes.io/revision"


def field(obj: Object, *path: str) -> Any:
    """The value at `path`, None where it or anything on the way is missing, unknown or no object."""
    value: Any = obj
    for step in path:
        value = value.get(step) if is_object(value) else None
    return value


def items(obj: Object, *path: str) -> list[Object]:
    """The list at `path`, [] where there is none."""
    return field(obj, *path) or []


def text(obj: Object, *path: str) -> str:
    """The string at `path`, "" where there is none."""
    value = field(obj, *path)
    return value if isinstance(value, str) else ""


def name_of(obj: Object) -> str:
    return text(obj, "metadata", "name")


def namespace_of(obj: Object) -> str:
    return text(obj, "metadata", "namespace")


def id_of(obj: Object) -> str:
    """The resource id in Pulumi's state: `namespace/name`, or the name alone."""
    return "/".join(filter(None, (namespace_of(obj), name_of(obj))))


def annotation(obj: Object, key: str) -> str:
    return text(obj, "metadata", "annotations", key)


def is_set(obj: Object, key: str) -> bool:
    """Whether the annotation says "true"."""
    return annotation(obj, key) == "true"


def set_namespace(obj: Object, namespace: str) -> None:
    """Set it in place; "" removes it."""
    if is_object(metadata := obj.setdefault("metadata", {})):
        metadata.pop("namespace", None)
        if namespace:
            metadata["namespace"] = namespace


def set_auto_name(obj: Object, name: str) -> None:
    """Name the object in place and leave the mark by which later runs know that a person did not."""
    if is_object(metadata := obj.setdefault("metadata", {})):
        metadata["name"] = name
        if is_object(annotations := metadata.setdefault("annotations", {})):
            annotations[AUTONAMED] = "true"


def is_named(obj: Object) -> bool:
    """Whether a name is given, be it one known only after `up`."""
    name = field(obj, "metadata", "name")
    return name is not None and name != ""


def unique_name(prefix: str, seed: bytes = b"") -> str:
    """`prefix` and 8 hexadecimal digits: from `seed` where Pulumi gave one, else random."""
    return prefix + (hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4))
