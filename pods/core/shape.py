"""What a manifest has to look like, as a shape: what breaks it ends the program with 78, before anything is done.

{"root": PATH, "models": [{"id": NAME}], "poll_s?": SECONDS}

An object has these keys and no others, one with a `?` may be missing; [...] is a list that is not empty, (...,) one
that may be. Everything else is a Rule for a single value, which it is tried on as it is: "1" is no 1, nor is True.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn, cast

from pods.core import json_text
from pods.core.report import ExitError


class Rule(NamedTuple):
    """`words` are for people: what it must be."""

    words: str
    holds: Callable[[Any], bool]


def text(pattern: str, words: str) -> Rule:
    def holds(value: object) -> bool:
        return isinstance(value, str) and bool(re.fullmatch(pattern, value))

    return Rule(words, holds)


def number(least: float, most: float, *kinds: type) -> Rule:
    """A whole number, unless `kinds` says float too."""
    wanted = f"a {'' if float in kinds else 'whole '}number from {least:g} to {most:g}"

    def holds(value: Any) -> bool:
        return type(value) in (int, *kinds) and bool(least <= value <= most)

    return Rule(wanted, holds)


NAME_PATTERN = "[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
NAME = text(NAME_PATTERN, "a name of letters, digits, '.', '_' and '-'")
MODEL = text(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}", "what clients ask for: letters, digits, '.', '_', '-', '/' and ':'")
PATH = text(r"/[^\0\ud800-\udc7f\udd00-\udfff]*", "an absolute path")  # of the surrogates those that name a byte
GEN = text("[0-9a-f]{12}", "12 digits, 0-9 and a-f")
SHA256 = text("[0-9a-f]{64}", "64 digits, 0-9 and a-f")
SIZE = number(1, 1 << 44)  # bytes: 16 TiB
PORT = number(1, 65535)
SECONDS = number(0.001, 1e7, float)  # more than a hundred days is more than a clock's functions are sure to take


def read(manifest: str, shape: Any) -> Any:
    """The manifest's value; raises ExitError 78."""
    try:
        value = json_text.parse(manifest)
    except ValueError as error:
        raise ExitError(78, f"the manifest is unusable: {error}; `pulumi up --refresh` writes it anew") from None
    _require(value, shape, "")
    return value


def _require(value: Any, shape: Any, where: str) -> None:
    if isinstance(shape, Rule):
        if not shape.holds(value):
            refuse(where, value, shape.words)
    elif isinstance(shape, dict):
        _require_object(value, cast("dict[str, Any]", shape), where)
    elif not isinstance(value, list) or (isinstance(shape, list) and not value):
        refuse(where, cast(object, value), "a list" if isinstance(shape, tuple) else "a list that is not empty")
    else:
        for number_, entry in enumerate(cast("list[Any]", value)):
            _require(entry, shape[0], f"{where}.{number_}")


def _require_object(value: Any, shape: Mapping[str, Any], where: str) -> None:
    if not isinstance(value, dict):
        refuse(where, value, "an object")
    found, known = cast("dict[str, Any]", value), {key.rstrip("?") for key in shape}
    within = f"{where}." if where else ""
    if unknown := sorted(found.keys() - known):
        refuse(f"{within}{_short(unknown[0])}", found[unknown[0]], f"left out: the keys are {', '.join(sorted(known))}")
    for key, inner in shape.items():
        if (name := key.rstrip("?")) in found:
            _require(found[name], inner, f"{within}{name}")
        elif name == key:
            raise _unusable(f"{within}{name} is missing")


def refuse(where: str, value: object, words: str) -> NoReturn:
    raise _unusable(f"{where} is {_short(value)}, it must be {words}")


def _unusable(what: str) -> ExitError:
    return ExitError(78, f"the manifest is unusable: {what}; `pulumi up --refresh` writes it anew")


def _short(value: object) -> str:
    """Escaped, cut, and without the user and password that an address may have."""
    return ascii(re.sub(r"[^/\s]*@", "***@", str(value)[:160])[:80])
