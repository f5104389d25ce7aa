"""What fits on a page of the parts of a verdict; what does not is counted, and DIFF=1 shows it."""

from collections.abc import Iterable, Iterator, Sequence

from plan.verdict.words import WHOLE

PAGE = 56  # lines; with what a command says around it, less than 60
NOTES = 12
REPORT = PAGE - NOTES - 6  # beside notes, their heading, and a diff of which at least a few lines are seen
_PART = 6  # sentences
_END = 4  # of an error: what to do is said last


def few(part: Iterable[str], of_what: str = "", *, whole: bool, most: int = _PART) -> Iterator[str]:
    """The first sentences of a part, and how many more `of_what` there are."""
    said = [*part]
    if whole or len(said) <= most:
        yield from said
        return
    yield from said[:most]
    yield f"and {len(said) - most} more{f' {of_what}' if of_what else ''}; {WHOLE}"


def cut(text: Sequence[str], most: int) -> list[str]:
    """The first lines, `most` with the one that counts the rest."""
    return [*text] if len(text) <= most else [*text[: most - 1], f"and {len(text) - most + 1} more lines; {WHOLE}"]


def both_ends(text: Sequence[str], most: int) -> list[str]:
    """The first lines and the last ones of a message, `most` with the one that counts what is between them."""
    if len(text) <= most:
        return [*text]
    return [*cut(text[:-_END], most - _END), *text[-_END:]]
