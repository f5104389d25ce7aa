"""A model's `args`: flags of llama-server that have no key of their own, checked against the build that we know."""

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plan import config
from plan.base.errors import ConfigError
from plan.base.flag_value import ArgValue
from plan.engine.flag_policy import refused, why_not
from plan.engine.llama_server_flags import BUILD, OPTIONS

# llama.cpp's INI reader knows neither quotes nor escapes: newline, `;` and `#` end a value, and spaces around it go
# (common/preset.cpp). In llama-swap's command `${` begins a macro, which may read the environment.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f;#\ud800-\udfff]|\$\{|^\s|\s$|^$")


class Option(NamedTuple):
    """One of the build's: its long names without dashes, its short ones with theirs and the long one that each means.

    `variable` is what llama-server reads it from where no argument says it; "" where it has none.
    """

    names: tuple[str, ...]
    takes_value: bool
    short: tuple[tuple[str, str], ...]
    variable: str


def rendered(model_id: str, args: Mapping[str, ArgValue]) -> tuple[tuple[str, str | None], ...]:
    """Each flag's name and value (None for a switch), sorted; raises ConfigError with every flag that is refused."""
    key = f"{config.KEY}.models.{model_id}.args"
    if problems := [problem for name in sorted(args) if (problem := _problem(key, name, args))]:
        raise ConfigError.of(problems)
    return tuple((name, None if value is True else str(value)) for name, value in sorted(args.items()))


def _problem(key: str, name: str, args: Mapping[str, ArgValue]) -> ConfigError | None:
    option = options().get(name)
    # Refused and unknown flags are reported without their value: it may be a secret.
    if reason := why_not(option.names) if option else refused((name,)):
        return ConfigError(key, name, f"{reason}.")
    if option is None:
        return ConfigError(key, name, f"{_unknown(name)}. Write a long name of its --help, without dashes.")
    if twice := sorted(args.keys() & {*option.names} - {name}):
        return ConfigError(key, name, f"{' and '.join(twice)} means the same flag: keep one of them.")
    fault = _value_fault(args[name]) if option.takes_value else _switch_fault(name, option.names, args[name])
    return ConfigError(f"{key}.{name}", args[name], f"{fault}.") if fault else None


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name.strip("-").replace("_", "-"), _usable())
    return f"llama-server {BUILD} has no such flag{'; there is ' + ', '.join(close) if close else ''}"


def _value_fault(value: ArgValue) -> str:
    if isinstance(value, bool):
        return 'It takes a value, so it is not a switch; "on" and "off" are quoted'
    if _UNSAFE.search(str(value)):
        return "An engine would misread it: no value has a newline, `;`, `#`, `${` or a space at an end, or is empty"
    return ""


def _switch_fault(name: str, names: tuple[str, ...], value: ArgValue) -> str:
    if value is True:
        return ""
    opposite = name.removeprefix("no-") if name.startswith("no-") else f"no-{name}"
    return f"It is a switch: write true, or {f'`{opposite}: true`' if opposite in names else 'leave it out'}"


@functools.cache
def options() -> dict[str, Option]:
    """The build's options by each of their long names."""
    found: dict[str, Option] = {}
    for line in OPTIONS.splitlines():
        option = _option(line.split())
        found.update(dict.fromkeys(option.names, option))
    return found


def _option(words: Sequence[str]) -> Option:
    """A short name means the long one after it (`-nkvo no-kv-offload`), at the end the one before it."""
    variable = next((word for word in words if re.fullmatch("[A-Z][A-Z_]+", word)), "")
    spelled = [word for word in words if word not in ("=", variable)]
    long = [word for word in spelled if not word.startswith("-")]
    short = [
        (word, next((it for it in spelled[at:] if not it.startswith("-")), long[-1]))
        for at, word in enumerate(spelled)
        if word.startswith("-")
    ]
    return Option(tuple(long), "=" in words, tuple(short), variable)


@functools.cache
def _usable() -> list[str]:
    """The names that `args` takes, for a hint: the same for each of hundreds of unknown ones."""
    return [known for known, option in options().items() if not why_not(option.names)]
