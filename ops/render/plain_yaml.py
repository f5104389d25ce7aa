"""Writes YAML for people and kubectl: keys in a fixed order, scripts as blocks, ambiguous strings in quotes."""

import re
from collections.abc import Mapping
from typing import Any, cast

import yaml

# PyYAML would write these strings without quotes, and kubectl would read a number or a boolean: 1e3, 0o17, y.
_AMBIGUOUS = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)[eE][-+]?\d+|0[oO][0-7]+|[yYnN]")
# PyYAML writes these characters as they are, and readers turn them into a newline or a space.
_OTHER_LINE_ENDS = frozenset("\x85\u2028\u2029")
_FIRST = ("apiVersion", "kind", "metadata", "name")


def dump(value: Mapping[str, Any]) -> str:
    """Equal values give equal text, whatever the order of their keys. Whole floats are written as integers."""
    text = _dumped(value, allow_unicode=True)
    # A sign that turns the direction of writing, or that nobody sees, would show a reviewer another text than it is.
    hidden = not text.replace("\n", "").isprintable()
    return _dumped(value, allow_unicode=False) if hidden else text


def _dumped(value: Mapping[str, Any], *, allow_unicode: bool) -> str:
    return yaml.dump(_tidy(value), Dumper=_Dumper, sort_keys=False, allow_unicode=allow_unicode, width=10**6)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    del dumper
    style = "|" if "\n" in value else "'" if _AMBIGUOUS.fullmatch(value) else None
    if _OTHER_LINE_ENDS.intersection(value):
        style = '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _string)


def _tidy(value: object) -> object:
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return {key: _tidy(entries[key]) for key in sorted(entries, key=_place)}
    if isinstance(value, list):
        return [_tidy(item) for item in cast("list[object]", value)]
    # Pulumi's protocol has no integers, and the API server refuses 8080.0 where it wants one.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _place(key: str) -> tuple[int, str]:
    """Kind and name come first, as people write them; other keys follow in alphabetical order."""
    return (_FIRST.index(key) if key in _FIRST else len(_FIRST), key)
