"""The mappings and lists of a YAML text while it is read, as plain dicts and lists."""

from typing import Any, cast

from plan.text.show import plain, show
from plan.text.yaml_scalars import MERGE


class Node:
    """`size` counts its values and those within them, `height` its levels; both are known once it is `closed`."""

    wants_key = False

    def __init__(self, begun: int = 0) -> None:
        self._begun = begun
        self.size = self.height = self.count = 0
        self.closed = False

    def close(self, end: int) -> None:
        self.size, self.closed = end - self._begun, True

    def copy(self) -> Any:
        """Its value anew, so that nothing is in two places of a tree."""
        return _copied(self.result())

    def add(self, value: Any) -> None:
        """Take a value in; raises ValueError in words."""
        raise NotImplementedError

    def take_key(self, key: Any, line: int, *, is_plain: bool) -> None:
        """Take in the key of the next value; raises ValueError in words."""
        raise NotImplementedError

    def result(self) -> Any:
        raise NotImplementedError

    def step(self) -> str:
        """Where in it the reading is, as a part of a key's path."""
        return ""


class RootNode(Node):
    """The document, with one value or none."""

    _value: Any = None

    def add(self, value: Any) -> None:
        self._value = value
        self.count += 1

    def result(self) -> Any:
        return self._value


class ListNode(Node):
    def __init__(self, begun: int) -> None:
        super().__init__(begun)
        self._items = list[Any]()

    def add(self, value: Any) -> None:
        self._items.append(value)

    def result(self) -> Any:
        return self._items

    def step(self) -> str:
        return str(len(self._items))


class MappingNode(Node):
    """Its own keys, and those that `<<` brings in, which its own overrule."""

    def __init__(self, begun: int) -> None:
        super().__init__(begun)
        self._own, self._lines = dict[str, Any](), dict[str, int]()
        self._merged = dict[str, Any]()
        self._key, self._merges, self.wants_key = "", False, True

    def add(self, value: Any) -> None:
        if self._merges:
            self._merge(value)
        else:
            self._own[self._key] = value
        self._key, self._merges, self.wants_key = "", False, True

    def take_key(self, key: Any, line: int, *, is_plain: bool) -> None:
        if isinstance(key, dict | list):
            raise ValueError("a key is text, not a list or a mapping")
        if not isinstance(key, str):
            raise ValueError(f"a key is text, and {show(key)} is read as something else: put it into quotes")
        if first := self._lines.get(key):
            raise ValueError(f"the key {show(key)} is there twice, in line {first} and in line {line}")
        self._key, self._lines[key], self._merges = key, line, is_plain and key == MERGE
        self.wants_key = False

    def _merge(self, value: Any) -> None:
        for one in reversed(cast("list[Any]", value)) if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                raise ValueError("after << comes a mapping, or a list of mappings")
            self._merged |= cast("dict[str, Any]", one)

    def result(self) -> Any:
        return {**self._merged, **self._own} if self._merged else self._own

    def step(self) -> str:
        return plain(self._key, 80)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in cast("dict[str, Any]", value).items()}
    return [_copied(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value
