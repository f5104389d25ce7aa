"""Cutting one object to the shape of another: the live object to what the program once wrote.

Fields the cluster added vanish; lists are matched by index, so what a controller puts in front shows as a change.
"""

from typing import Any

from dev.plugin.values import is_list, is_object


def prune(source: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    """A copy of `source` with only the keys of `shape`, recursively; where types differ, the value of `source`."""
    return {key: _value(item, shape[key]) for key, item in source.items() if key in shape}


def _value(source: Any, shape: Any) -> Any:
    if is_object(source) and is_object(shape):
        return prune(source, shape)
    if is_list(source) and is_list(shape):
        return _list(source, shape)
    return source


def _list(source: list[Any], shape: list[Any]) -> list[Any]:
    if source and shape and type(source[0]) is not type(shape[0]):
        return list(source)
    return [_value(item, like) for item, like in zip(source, shape, strict=False)]
