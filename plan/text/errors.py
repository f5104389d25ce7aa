"""What a person sees when something has to be put right; of a text from outside, or of anything else."""

from dataclasses import dataclass

from plan.text.show import lines


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
