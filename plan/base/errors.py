"""What a person sees when the configuration or the lock cannot be used, or when a command cannot do its work."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from plan.text.errors import FixableError, in_words, steps
from plan.text.show import is_secret, lines, show

if TYPE_CHECKING:  # dev's daemons import this too, and have no use for pydantic
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["ConfigError", "FixableError"]

_SHOWN = 20  # problems of one text that are told at once


class ConfigError(Exception):
    """A key with an unusable value: `key` is its path, `got` the value found, `fix` the rule and what to do next."""

    def __init__(self, key: str, got: object, fix: str) -> None:
        said = "a text" if is_secret(key.rpartition(".")[2], got) else show(got)
        super().__init__(lines(f"{key}: got {said}. {fix}"))
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
    parts = steps(problem)
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
