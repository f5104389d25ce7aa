"""The flags of a command of llama-server, and the variables that mean the same, by the list of the build that we know.

Values stand behind their flags in a word of their own; `--ctx_size` means `--ctx-size` (llama.cpp 0.5.0,
common/arg.cpp). `--ctx-size=4096` is refused there, and understood here.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ops.adopt.llama_swap.commands import hides
from plan.engine.args import Option, options
from plan.text.show import plain

_YES, _NO = {"1", "on", "true", "enabled"}, {"0", "off", "false", "disabled"}
_SHOWN = 80
STRAY = ""  # the name of a word that belongs to no flag


class Given(NamedTuple):
    """A flag as it is `spelled`; `name` is the long name that it means, of the build where that has it as `option`."""

    spelled: str
    name: str
    value: str | None
    option: Option | None

    @property
    def key(self) -> str:
        """One word for all spellings of a flag: the first name of its option; a switch's opposite has the same."""
        return self.option.names[0] if self.option else self.name

    @property
    def told(self) -> str:
        """As a person reads it: what may be a secret is left out."""
        if self.value is None:
            return plain(self.spelled)
        hidden = hides(self.name, self.value) or hides(self.spelled, self.value)
        return f"{plain(self.spelled)} {'***' if hidden else plain(self.value, _SHOWN)}"


def given(words: Iterable[str]) -> list[Given]:
    """The flags of a command line in their order; raises nothing: what is no flag has the name STRAY."""
    found: list[Given] = []
    rest = list(words)[::-1]
    while rest:
        spelled = rest.pop()
        name, equals, value = _spelling(spelled)
        option = options().get(name)
        if not spelled.startswith("-") or re.fullmatch(r"-[\d.]+", spelled):
            found.append(Given(spelled, STRAY, None, None))
        elif equals:
            found.append(Given(spelled.partition("=")[0], name, value, option))
        elif rest and _takes(option, rest[-1]):
            found.append(Given(spelled, name, rest.pop(), option))
        else:
            found.append(Given(spelled, name, None, option))
    return found


def from_variables(variables: Mapping[str, str]) -> tuple[list[Given], dict[str, str]]:
    """The variables that llama-server reads as flags, and the others (llama.cpp 0.5.0, common/arg.cpp)."""
    found, others = list[Given](), dict[str, str]()
    for variable, value in variables.items():
        option = _by_variable().get(variable) or _by_variable().get(variable.replace("LLAMA_ARG_NO_", "LLAMA_ARG_", 1))
        if not variable.startswith("LLAMA_ARG_"):
            others[variable] = value
        elif option is None:
            found.append(Given(variable, variable.removeprefix("LLAMA_ARG_").lower().replace("_", "-"), value, None))
        elif option.takes_value:
            found.append(Given(variable, option.names[0], value, option))
        else:
            is_off = value.lower() in _NO or (variable != option.variable)
            name = next((it for it in option.names if it.startswith("no-") == is_off), option.names[0])
            found.append(Given(variable, name, None, option))
    return found, others


def is_yes(value: str | None) -> bool:
    """As llama-server reads a switch that has a value; without one it is on, as in builds before that."""
    return value is None or value.lower() in _YES


def _spelling(spelled: str) -> tuple[str, str, str]:
    """The long name that a word means, and its value where it has one after `=`."""
    if spelled.startswith("--"):
        name, equals, value = spelled[2:].partition("=")
        return name.replace("_", "-"), equals, value
    return _by_short().get(spelled, spelled.lstrip("-")), "", ""


def _takes(option: Option | None, word: str) -> bool:
    """Whether the word is the flag's value: where the list does not say so, what does not look like a flag is one."""
    if option and not option.takes_value:
        return False
    is_number = re.fullmatch(r"-[\d.]+", word) is not None
    is_flag = word in _by_short() or re.fullmatch(r"--[A-Za-z][\w.-]*(=.*)?", word) is not None
    return not is_flag if option else not word.startswith("-") or is_number


@functools.cache
def _by_short() -> dict[str, str]:
    return {short: long for option in options().values() for short, long in option.short}


@functools.cache
def _by_variable() -> dict[str, Option]:
    return {option.variable: option for option in options().values() if option.variable}
