"""Property bags of the provider protocol: protobuf Struct <-> Python, with secrets and unknowns.

Source of the signatures: pulumi sdk/go/common/resource (sig.go, plugin/rpc.go), v3.259.
"""

from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from dev.plugin.values import is_list, is_object

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a public marker of the protocol
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = {
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    UNKNOWN_STRING,
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
}


class Unknown:
    """A value known only after `up`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value Pulumi encrypts in state and hides in output."""

    value: Any


def decode(message: Struct) -> dict[str, Any]:
    """The bag as Python values; whole numbers become int, as a Kubernetes API expects."""
    return {key: _decode(value) for key, value in message.fields.items()}


def _decode(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWNS else text
    if kind == "struct_value":
        return _decode_object(decode(value.struct_value))
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return value.bool_value if kind == "bool_value" else None


def _decode_object(bag: dict[str, Any]) -> Any:
    signature = bag.get(SIGNATURE)
    if signature == SECRET:
        return Secret(bag.get("value"))
    if signature == OUTPUT:
        value = bag.get("value", UNKNOWN)
        return Secret(value) if bag.get("secret") else value
    if signature == RESOURCE:
        return bag.get("id", UNKNOWN)
    return bag


def encode(bag: dict[str, Any], *, keep_secrets: bool = True) -> Struct:
    """The inverse of `decode`; without `keep_secrets` (a Pulumi that does not support them) they are sent in clear."""
    message = Struct()
    message.update(_encode(bag, keep_secrets))
    return message


def _encode(value: Any, keep_secrets: bool) -> Any:
    if is_object(value):
        return {key: _encode(item, keep_secrets) for key, item in value.items()}
    if is_list(value):
        return [_encode(item, keep_secrets) for item in value]
    if isinstance(value, Secret):
        inner = _encode(value.value, keep_secrets)
        return {SIGNATURE: SECRET, "value": inner} if keep_secrets else inner
    return UNKNOWN_STRING if value is UNKNOWN else value


def plain(value: Any) -> Any:
    """A deep copy with the secrets laid open; unknowns stay."""
    if is_object(value):
        return {key: plain(item) for key, item in value.items()}
    if is_list(value):
        return [plain(item) for item in value]
    return plain(value.value) if isinstance(value, Secret) else value


def has_unknown(value: Any) -> bool:
    """Whether anything inside is known only after `up`."""
    if is_object(value):
        return any(map(has_unknown, value.values()))
    if is_list(value):
        return any(map(has_unknown, value))
    return has_unknown(value.value) if isinstance(value, Secret) else value is UNKNOWN


def has_secret(value: Any) -> bool:
    """Whether anything inside is secret."""
    if is_object(value):
        return any(map(has_secret, value.values()))
    if is_list(value):
        return any(map(has_secret, value))
    return isinstance(value, Secret)


def mark_secrets(outputs: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Make secret in `outputs`, in place, what is secret in `inputs`, and the data of every Secret object.

    Objects are marked field by field; a list with one secret item becomes secret as a whole.
    """
    if outputs.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in outputs and not isinstance(outputs[key], Secret):
                outputs[key] = Secret(outputs[key])
        return
    for key, value in inputs.items():
        if key not in outputs:
            continue
        output = outputs[key]
        if is_object(output) and is_object(value):
            mark_secrets(output, value)
        elif not isinstance(output, Secret) and has_secret(value):
            outputs[key] = Secret(output)
