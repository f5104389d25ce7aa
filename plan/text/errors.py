"""What a person sees when something has to be put right; of a text from outside, or of anything else."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plan.text.show import lines

if TYPE_CHECKING:  # dev's daemons import this too, and have no use for pydantic
    from pydantic_core import ErrorDetails

_INNER = re.compile(r"\[key\]|constrained-\w+|tuple\[.*\]|function-\w+\[.*\]")
# What a value has to be, by pydantic's type of error (docs.pydantic.dev, "Validation Errors"); its own words are about
# the inside of a program. Braces hold the type's context.
_WORDS = {
    "bool_type": "true or false, without quotes",
    "dict_type": "a mapping: each key with its value",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number, without quotes",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number, without quotes",
    "invalid_key": "texts as keys; a number or a word such as yes is one in quotes",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a mapping: each key with its value",
    "string_too_long": "a text of at most {max_length} characters",
    "string_too_short": "a text of {min_length} or more characters",
    "string_type": "a text; what YAML would read as a number, a day, true or nothing is a text in quotes",
    "string_unicode": "whole characters: half of a surrogate pair is none",
    "too_long": "at most {max_length} of them",
    "too_short": "{min_length} or more of them",
    "tuple_type": "a list",
}


class FixableError(Exception):
    """Something a person has to know and can put right; commands print it without a traceback.

    `what` says what is wrong, with the value met; `fix` is the next command or decision.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(lines(f"{what}\n  next: {fix}"))
        self.what, self.fix = lines(what), lines(fix)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a text is from, a file or who answered, and what to do when it cannot be used."""

    name: str
    fix: str


class TextError(FixableError):
    """A text that cannot be used. `line` counts from 1; 0 where the fault is in no single line."""

    def __init__(self, source: Source, rule: str, line: int = 0, key: str = "") -> None:
        place = [source.name, *([f"line {line}"] if line else []), *([key] if key else [])]
        super().__init__(f"{', '.join(place)}: {rule}", source.fix)


def steps(problem: "ErrorDetails") -> tuple[str | int, ...]:
    """Where in the text the value is, without pydantic's own steps: the side of a union, and "[key]" for a name."""
    return tuple(step for step in problem["loc"] if not _INNER.fullmatch(str(step)))


def in_words(problem: "ErrorDetails", verb: str = "Write") -> str:
    """What a value has to be, as a sentence without its full stop; `verb` fits whoever has to put it right."""
    if words := _WORDS.get(problem["type"]):
        return f"{verb} {words.format(**problem.get('ctx', {}))}"
    said = problem["msg"].removeprefix("Value error, ")
    # A key keeps its spelling: size_gib, model:.
    return f"{said[:1].upper()}{said[1:]}" if said.partition(" ")[0].isalpha() else said
