"""What a person sees when the configuration or the lock cannot be used, or when a command cannot do its work."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from plan.text.errors import FixableError
from plan.text.show import lines, show

if TYPE_CHECKING:  # dev's daemons import this too, and have no use for pydantic
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["ConfigError", "FixableError", "in_words"]
# What to write instead, by pydantic's type of error (docs.pydantic.dev, "Validation Errors"); its own words are about
# the inside of a program. Braces hold the type's context.
_WORDS = {
    "bool_type": "Write true or false, without quotes",
    "dict_type": "Write a mapping: each key with its value",
    "finite_number": "Write a finite number",
    "float_type": "Write a number, without quotes",
    "greater_than": "Write more than {gt}",
    "greater_than_equal": "Write {ge} or more",
    "int_from_float": "Write a whole number",
    "int_type": "Write a whole number, without quotes",
    "invalid_key": "Write texts as keys; a number or a word such as yes is one in quotes",
    "less_than": "Write less than {lt}",
    "less_than_equal": "Write {le} or less",
    "list_type": "Write a list",
    "literal_error": "Write {expected}",
    "model_type": "Write a mapping: each key with its value",
    "string_too_long": "Write a text of at most {max_length} characters",
    "string_too_short": "Write a text of {min_length} or more characters",
    "string_type": "Write a text; what YAML would read as a number, a day, true or nothing is a text in quotes",
    "string_unicode": "Write whole characters: half of a surrogate pair is none",
    "too_long": "Write at most {max_length} of them",
    "too_short": "Write {min_length} or more of them",
    "tuple_type": "Write a list",
}

_SHOWN = 20  # problems of one text that are told at once


class ConfigError(Exception):
    """A key with an unusable value: `key` is its path, `got` the value found, `fix` the rule and what to do next."""

    def __init__(self, key: str, got: object, fix: str) -> None:
        super().__init__(lines(f"{key}: got {show(got)}. {fix}"))
        self.key, self.got, self.fix = key, got, fix

    @classmethod
    def of(cls, errors: Iterable["ConfigError"]) -> Self:
        """Several errors as one: the first one's key and value, and the texts of all."""
        first, *rest = errors
        merged = cls(first.key, first.got, first.fix)
        more = [f"and {len(rest) - _SHOWN} more like these"] if rest[_SHOWN:] else []
        merged.args = ("\n".join([str(first), *map(str, rest[:_SHOWN]), *more]),)
        return merged

    @classmethod
    def from_pydantic(cls, prefix: str, error: "ValidationError", hints: dict[str, str]) -> Self:
        """Every problem pydantic found, in the words of the file; `hints` adds advice by the key's last part."""
        return cls.of(_translate(prefix, problem, hints) for problem in error.errors())


def _translate(prefix: str, problem: "ErrorDetails", hints: dict[str, str]) -> ConfigError:
    # "[key]" marks an error in the name of a mapping's entry, not in its value.
    parts = [str(part) for part in problem["loc"] if part != "[key]"]
    key = ".".join([prefix, *parts])
    hint = next((hints[part] for part in reversed(parts) if part in hints), "")
    match problem["type"]:
        case "extra_forbidden":
            rule = "There is no such key: remove it or correct its spelling."
        case "missing":
            return ConfigError(key, None, f"This key is required. {hint}".strip())
        case _:
            rule = f"{in_words(problem)}.{' ' + hint if hint else ''}"
    return ConfigError(key, problem["input"], rule)


def in_words(problem: "ErrorDetails") -> str:
    """What to write instead, as a sentence without its full stop."""
    if words := _WORDS.get(problem["type"]):
        return words.format(**problem.get("ctx", {}))
    said = problem["msg"].removeprefix("Value error, ")
    # A key keeps its spelling: size_gib, model:.
    return f"{said[:1].upper()}{said[1:]}" if said.partition(" ")[0].isalpha() else said
