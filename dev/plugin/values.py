"""What kind of JSON a value is, in words that the type checker follows."""

from typing import Any, TypeGuard

Object = dict[str, Any]


def is_object(value: object) -> TypeGuard[Object]:
    """Whether it is a mapping; JSON has no keys but strings."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
