"""What a YAML scalar means: PyYAML's reading of it (YAML 1.1: `off` is false), as a plain JSON value.

A date stays the text that it is, for JSON has no dates. Refused is what PyYAML would make bytes, a set or an object,
a number that is none or that is not finite, and one that YAML 1.1 and people read differently: 010 is 8, 1:30 is 90.
"""

import math
import re
from typing import Any

import yaml
from yaml.resolver import Resolver

from plan.text import limits
from plan.text.show import show

Scalar = str | int | float | bool | None
_TAG = "tag:yaml.org,2002:"
MERGE = "<<"
_resolver: Any = Resolver()
_constructor = yaml.SafeLoader("")


def plain(text: str) -> Scalar:
    """A scalar without quotes and without a tag; raises ValueError in words."""
    tag: str = _resolver.resolve(yaml.ScalarNode, text, (True, False))
    return tagged(tag, text)


def tagged(tag: str, text: str) -> Scalar:
    """A scalar of that tag; raises ValueError in words."""
    match tag.removeprefix(_TAG):
        case "str" | "merge" | "value":
            return text
        case "null" if text.lower() in ("", "~", "null"):
            return None
        case "bool" if text.lower() in yaml.SafeLoader.bool_values:
            return yaml.SafeLoader.bool_values[text.lower()]
        case "int" | "float" as kind:
            return _number(kind, tag, text)
        case "timestamp":
            return _date(tag, text)
        case "null" | "bool" as kind:
            raise ValueError(f"{show(text)} is not a {kind}: leave the tag out")
        case other:
            raise ValueError(f"the tag {show(other)} is not known here: write text, numbers, lists and mappings alone")


def _number(kind: str, tag: str, text: str) -> int | float:
    limits.require_short(text)
    if re.fullmatch(r"[-+]?0[0-9_]+|.*:.*", text):
        raise ValueError(f"{show(text)} is octal or of base 60 in YAML 1.1: write it as a decimal number, or in quotes")
    node = yaml.ScalarNode(tag, text)
    try:
        value = _constructor.construct_yaml_int(node) if kind == "int" else _constructor.construct_yaml_float(node)
    except (ValueError, IndexError):
        raise ValueError(f"{show(text)} looks like a number and is none: put text into quotes") from None
    if not math.isfinite(value):
        raise ValueError(f"{show(text)} is not a finite number")
    return value


def _date(tag: str, text: str) -> str:
    try:
        _constructor.construct_yaml_timestamp(yaml.ScalarNode(tag, text))
    except (ValueError, OverflowError, AttributeError):
        raise ValueError(f"{show(text)} looks like a date and is none: correct it, or put text into quotes") from None
    return text
