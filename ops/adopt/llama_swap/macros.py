"""llama-swap's macros, expanded as it does that (v250, internal/config/macros.go).

The last macro is put in first, each one once: so a macro may name those before it, and nothing runs in a circle. Where
a value is one macro and nothing else, it gets the macro's own type. `${PORT}` and `${env.NAME}` stay as they are: this
machine's environment is not the one that llama-swap has.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from plan.text.errors import Source, TextError
from plan.text.show import show

Value = str | int | float | bool
Macros = tuple[tuple[str, Value], ...]
_NAMES = re.compile(r"\$\{([A-Za-z0-9_-]+)\}")
_LONGEST = 1 << 16  # characters of one value; the commands of a hundred public configurations have a tenth of it
_MOST = 1000


def declared(found: object, source: Source, key: str) -> Macros:
    """The macros at `key`; raises TextError where llama-swap would refuse them, and for more than anyone has."""
    if found is None:
        return ()
    if not isinstance(found, dict):
        raise TextError(source, f"got {show(found)}; macros are a mapping of names and their text", key=key)
    macros = cast("dict[str, Any]", found)
    if len(macros) > _MOST:
        raise TextError(source, f"there are {len(macros)} macros, and {_MOST} are the most that are read", key=key)
    for name, value in macros.items():
        if not isinstance(value, str | int | float):
            raise TextError(
                source, f"got {show(value)}; a macro is a text, a number, true or false", key=f"{key}.{name}"
            )
    return tuple(macros.items())


def merged(model_id: str, common: Macros, own: Macros) -> Macros:
    """Those of a model: its own take the place of the common ones, or come after them."""
    return tuple({"MODEL_ID": model_id, **dict(common), **dict(own)}.items())


def expanded(value: Any, macros: Macros, source: Source, key: str) -> Any:
    """`value` with all macros put in; raises TextError where it would grow beyond all measure."""
    if isinstance(value, str):
        return _text(value, macros, source, key)
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
        return {name: expanded(one, macros, source, f"{key}.{name}") for name, one in entries}
    if isinstance(value, list):
        return [expanded(one, macros, source, key) for one in cast("list[Any]", value)]
    return value


def _text(text: str, macros: Macros, source: Source, key: str) -> Any:
    if "${" not in text:
        return text
    for name, value in reversed(macros):
        spelled = f"${{{name}}}"
        if text == spelled and not isinstance(value, str):
            return value
        if count := text.count(spelled):
            written = written_out(value)
            if len(text) + count * len(written) > _LONGEST:
                rule = f"with its macros it has more than {_LONGEST} characters"
                raise TextError(source, rule, key=key)
            text = text.replace(spelled, written)
    return text


def written_out(value: Value) -> str:
    """As Go writes it into a text, which has `true`; a whole number has no point there."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)


def named(value: Any) -> Iterator[str]:
    """The names of all macros that a value asks for."""
    if isinstance(value, str):
        yield from _NAMES.findall(value)
    elif isinstance(value, Mapping):
        for key, one in cast("Mapping[str, Any]", value).items():
            yield from _NAMES.findall(key)
            yield from named(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from named(one)
