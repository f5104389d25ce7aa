"""JSON from outside: manifests, files on the volume, answers of the API server. plan/text reads by the same rules.

Refused in words, as a ValueError: another encoding than UTF-8 or UTF-16 with a BOM, more than `LIMIT_BYTES`, nesting
below `DEPTH` levels, a number of more than `DIGITS` digits or one that is not finite, a key twice, another root than
asked for.
"""

import json
import math
import os
import re
import stat
from typing import Any, NoReturn

LIMIT_BYTES, DEPTH, DIGITS = 16 << 20, 64, 64
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(rf"(?s)({_STRING})(\s*:)?|[\[\]{{}}]")
_ROOTS = {dict: "an object", list: "a list"}


class _TwiceError(Exception):
    pass


def read(path: str, root: type = dict) -> Any:
    """The content of a regular file; raises OSError too. Whatever else lies there is refused, and never waited for."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is not a regular file")
        with open(fd, "rb", closefd=False) as source:
            return parse(source.read(LIMIT_BYTES + 1), root)
    finally:
        os.close(fd)


def parse(content: str | bytes, root: type = dict) -> Any:
    """The value of a text, of the type `root`."""
    if len(content) > LIMIT_BYTES:
        raise ValueError(f"it has more than {LIMIT_BYTES >> 20} MiB")
    text = content if isinstance(content, str) else decoded(content)
    if text.count("[") + text.count("{") > DEPTH:
        _require_shallow(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_not_finite
        )
    except _TwiceError:
        raise ValueError(_twice(text)) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON: {error.msg}") from None
    if type(value) is not root:
        raise ValueError(f"it is {_ROOTS.get(type(value), 'a single value')}, not {_ROOTS[root]}")
    return value


def decoded(content: bytes) -> str:
    """The text of a file or an answer."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not {encoding[:6].upper().rstrip('-')}") from None


def _require_shallow(text: str) -> None:
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(f"(?s){_STRING}", "", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH:
            raise ValueError(f"it is nested more than {DEPTH} levels deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _twice(text: str) -> str:
    """Which key is twice in one object, and where."""
    keys, line, at = list[dict[str, int]](), 1, 0
    for token in _TOKEN.finditer(text):
        line, at = line + text.count("\n", at, token.start()), token.start()
        if token[0] in "[{":
            keys.append({})
        elif token[0] in "]}":
            keys.pop()
        elif token[2] and (first := keys[-1].setdefault(name := json.loads(token[1]), at)) != at:
            first_line = text.count("\n", 0, first) + 1
            return f"the key {name[:60]!r} is there twice, in line {first_line} and in line {line}"
    return "a key is there twice"


def _int(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number in it has more than {DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    if len(digits) > DIGITS:
        raise ValueError(f"a number in it has more than {DIGITS} digits")
    if not math.isfinite(value := float(digits)):
        raise ValueError(f"{digits} is larger than any number")
    return value


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
