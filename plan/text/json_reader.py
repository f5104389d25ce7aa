"""JSON from outside, as plain values: limited in size, depth and digits, and without a key twice in one object.

pods/core/json_text.py reads by the same rules with the standard library alone; one table of cases is run over both.
"""

import json
import re
from typing import Any, NoReturn, cast

from plan.text import limits
from plan.text.decode import text_of
from plan.text.errors import Source, TextError
from plan.text.show import show

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(rf"(?s)({_STRING})(\s*:)?|[\[\]{{}}]")
_ROOTS: dict[type[object], str] = {dict: "an object", list: "a list"}


class _TwiceError(Exception):
    pass


def read_json(content: bytes | str, source: Source, root: type = dict) -> Any:
    """The value, of the type `root`; raises TextError."""
    text = text_of(content, source)
    _require_shallow(text, source)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=limits.whole,
            parse_float=limits.finite,
            parse_constant=_not_finite,
        )
    except _TwiceError:
        raise _twice(text, source) from None
    except json.JSONDecodeError as error:
        page = "; it is a page, as a portal or a proxy sends" if text.lstrip()[:1] == "<" else ""
        raise TextError(source, f"this is not JSON: {error.msg}{page}", error.lineno) from None
    except ValueError as error:  # of a number
        raise TextError(source, str(error)) from None
    met = cast("type[object]", type(value))
    if met is not root:
        raise TextError(source, f"it is {_ROOTS.get(met, 'a single value')}, not {_ROOTS[root]}")
    return value


def _require_shallow(text: str, source: Source) -> None:
    if text.count("[") + text.count("{") <= limits.DEPTH:
        return
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(f"(?s){_STRING}", "", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > limits.DEPTH:
            raise TextError(source, f"it is nested more than {limits.DEPTH} levels deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _twice(text: str, source: Source) -> TextError:
    keys, line, at = list[dict[str, tuple[int, int]]](), 1, 0
    for token in _TOKEN.finditer(text):
        line, at = line + text.count("\n", at, token.start()), token.start()
        if token[0] in "[{":
            keys.append({})
        elif token[0] in "]}":
            keys.pop()
        elif token[2] and (first := keys[-1].setdefault(name := json.loads(token[1]), (at, line)))[0] != at:
            return TextError(source, f"the key {show(name)} is there twice, in line {first[1]} and in line {line}")
    return TextError(source, "a key is there twice")


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
