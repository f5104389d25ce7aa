"""One spelling for objects that mean the same: what a round trip through the Go types of a kind does to inputs.

Zero values that Go omits go away, quantities become canonical, `stringData` becomes `data`; unwritten fields never
appear. Objects of unknown kinds, or with fields of the wrong type, stay as they are: the API server will judge them.
"""

import base64
import binascii
from typing import Any

from dev.plugin.diff.properties import has_unknown, plain
from dev.plugin.diff.prune import prune
from dev.plugin.diff.quantity import canonical
from dev.plugin.diff.schema import fields, has_shape
from dev.plugin.values import is_object

_READ_ONLY = ("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields")
_SCALARS = {"s": str, "b": bool, "i": (int, float)}


def normalize(inputs: dict[str, Any]) -> dict[str, Any]:
    """A copy of the inputs in canonical spelling, with secrets unwrapped and read-only metadata removed."""
    result = plain(inputs)
    if not has_unknown(result):
        if result.get("apiVersion") == "v1" and result.get("kind") == "Secret":
            result = _secret(result)
        elif has_shape(result.get("apiVersion"), result.get("kind")):
            result = _typed(result)
    if is_object(metadata := result.get("metadata")):
        for key in (*_READ_ONLY, "resourceVersion", "uid"):
            metadata.pop(key, None)
    return result


def _typed(value: dict[str, Any]) -> dict[str, Any]:
    try:
        return prune(_round_trip(value, str(value["kind"])), value)
    except (TypeError, ValueError):
        return value


def _secret(value: dict[str, Any]) -> dict[str, Any]:
    """Data as the API server would store it: `stringData` wins and is encoded, whitespace in base64 is dropped."""
    texts = value.get("stringData")
    if is_object(texts) and texts and all(isinstance(text, str) for text in texts.values()):
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        rest = {key: item for key, item in value.items() if key != "stringData"}
        return {**rest, "data": {**(value.get("data") or {}), **encoded}}
    if is_object(data := value.get("data")):
        return {**value, "data": {key: _base64(item) for key, item in data.items()}}
    return value


def _base64(text: Any) -> Any:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode()
    except (AttributeError, binascii.Error):
        return text  # the API server will say what is wrong with it


def _round_trip(value: dict[str, Any], struct: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, code in fields(struct).items():
        item = value.get(name)
        if item is None:
            continue
        keeps_zero = code[0] in "=*"
        converted = _convert(item, code.lstrip("=*"))
        if keeps_zero or code[0].isupper() or not _is_zero(converted):
            result[name] = converted
    return result


def _is_zero(value: Any) -> bool:
    return value in ("", 0, False) if not isinstance(value, dict | list) else not value


def _convert(value: Any, code: str) -> Any:
    """One field through its Go type; raises TypeError or ValueError where Go's conversion would fail."""
    if code == "a":
        return value
    if code[0] == "[":
        return [_convert(item, code[1:]) for item in _expect(value, list)]
    if code[0] == "{":
        return {key: _convert(item, code[1:]) for key, item in _expect(value, dict).items()}
    if code[0] == "*":
        return None if value is None else _convert(value, code[1:])
    if code == "q":
        return canonical(str(_expect(value, (str, int, float))))
    if code == "x":
        return _expect(value, (str, int))
    return _expect(value, _SCALARS[code]) if code in _SCALARS else _round_trip(_expect(value, dict), code)


def _expect(value: Any, types: type | tuple[type, ...]) -> Any:
    if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
        raise TypeError(f"{value!r} is not of type {types}")
    return value
