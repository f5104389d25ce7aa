"""What a person sees when the configuration or the lock cannot be used, or when a command cannot do its work."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

from plan.text.errors import FixableError, in_words, steps
from plan.text.show import is_secret, lines, show

if TYPE_CHECKING:  # dev's daemons import this too, and have no use for pydantic
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["ConfigError", "FixableError"]

_SHOWN = 20  # problems of one text that are told at once
# pydantic's types of errors for which an example helps.
_SHAPES = {"dict_type", "list_type", "model_type", "tuple_type"}
Path = tuple[str | int, ...]


class ConfigError(Exception):
    """A key with an unusable value: `key` is its path, `got` the value found, `fix` the rule and what to do next."""

    def __init__(self, key: str, got: object, fix: str, place: str = "") -> None:
        said = "a text" if is_secret(key.rpartition(".")[2], got) else show(got)
        super().__init__(lines(f"{place}{': ' if place else ''}{key}: got {said}. {fix}"))
        self.key, self.got, self.fix, self.place = key, got, fix, place
        self.more: tuple[ConfigError, ...] = ()

    @classmethod
    def of(cls, errors: Iterable["ConfigError"]) -> Self:
        """Several errors as one: the first one's key and value, and the texts of all."""
        first, *rest = errors
        merged = cls(first.key, first.got, first.fix, first.place)
        more = [f"and {len(rest) - _SHOWN} more like these"] if rest[_SHOWN:] else []
        merged.args = ("\n".join([str(first), *map(str, rest[:_SHOWN]), *more]),)
        merged.more = tuple(rest)
        return merged

    def placed(self, place: Callable[[str], str]) -> "ConfigError":
        """The same, with the place of each key in its file, as Pulumi.prod.yaml:87; "" where it is in none."""
        alone = (ConfigError(it.key, it.got, it.fix, it.place or place(it.key)) for it in (self, *self.more))
        return ConfigError.of(alone)

    @classmethod
    def from_pydantic(
        cls, prefix: str, error: "ValidationError", hints: dict[str, str], like: Callable[[Path], str] = lambda _: ""
    ) -> Self:
        """Every problem pydantic found, in the words of the file.

        `hints` adds advice by the key's last part, `like` says what a list or a mapping at a path looks like.
        """
        return cls.of(_translate(prefix, problem, hints, like) for problem in error.errors())


def _translate(prefix: str, problem: "ErrorDetails", hints: dict[str, str], like: Callable[[Path], str]) -> ConfigError:
    path = steps(problem)
    parts = [str(step) for step in path]
    key = ".".join([prefix, *parts])
    hint = next((hints[part] for part in reversed(parts) if part in hints), "")
    match problem["type"]:
        case "extra_forbidden":
            rule = "There is no such key: remove it or correct its spelling."
        case "missing":
            return ConfigError(key, None, f"This key is required. {hint}".strip())
        case kind:
            example = like(path) if kind in _SHAPES else ""
            rule = f"{in_words(problem)}{f', like {example}' if example else ''}.{' ' + hint if hint else ''}"
    return ConfigError(key, problem["input"], rule)
