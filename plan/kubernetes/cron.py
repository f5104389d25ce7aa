"""When a CronJob runs: the five fields of crontab(5), as its controller reads them (robfig/cron v3, parser.go).

Stricter than that on purpose: `@daily` and `@every 1h` say no time of day, an empty item of a list (`,` alone never
comes), `*-5` (read as `*`) and `+5` are slips.
"""

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),  # not 7 for Sunday
)
_LONGEST_MONTH = {month: 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)}
_LONGEST = 256
_ITEM = re.compile(r"(?:[*?]|(\w+)(?:-(\w+))?)(?:/(\d{1,9}))?", re.ASCII)


def schedule(text: str) -> str:
    """Return `text` if it is a schedule of five fields; raises ValueError with the field and the rule broken."""
    parts = re.split(r"[ \t]+", text.strip(" \t"))
    if len(parts) != len(_FIELDS) or len(text) > _LONGEST:
        raise ValueError(
            "a schedule has five fields: minute, hour, day of the month, month, day of the week, like 17 4 * * *"
        )
    _, _, days, months, _ = (
        frozenset[int]().union(*(_numbers(field, item) for item in part.split(",")))
        for field, part in zip(_FIELDS, parts, strict=True)
    )
    longest = max(_LONGEST_MONTH[month] for month in months)
    if _is_any(parts[4]) and min(days) > longest:
        rule = f"this schedule never comes: day {min(days)} is in none of its months, of which the longest has"
        raise ValueError(f"{rule} {longest}")
    return text


def _is_any(part: str) -> bool:
    """Whether it leaves its field open, with a star: else a day comes by its number in the month or by its weekday.

    robfig/cron v3.0.1: getRange in parser.go sets the star's bit, unless the step is above 1; dayMatches in spec.go.
    """
    return any(re.fullmatch(r"[*?](/0*1)?", item) for item in part.split(","))


def _numbers(field: _Field, item: str) -> range:
    """The numbers that an item of a list stands for; raises ValueError in words."""
    found = _ITEM.fullmatch(item)
    first, last, step = found.groups() if found else ("", None, None)
    numbers = [_number(field, text) for text in (first, last) if text is not None]
    if None in numbers:
        named = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
        raise ValueError(
            f"the {field.name} of a schedule is *, or {field.least} to {field.most}{named}, "
            "or a range like 1-5, each with a step like /2 if need be, and commas between several"
        )
    begin, end = (numbers or [field.least])[0] or 0, (numbers or [field.most])[-1] or 0
    if begin > end:
        raise ValueError(f"the {field.name} of a schedule has a range that ends before it begins")
    if step is not None and int(step) == 0:
        raise ValueError(f"the {field.name} of a schedule has a step of 0")
    # 5/15 is 5-59/15.
    return range(begin, (field.most if step and len(numbers) == 1 else end) + 1, int(step or 1))


def _number(field: _Field, text: str) -> int | None:
    """The number within the field's range that a number or name stands for."""
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.least
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
    return number if field.least <= number <= field.most else None


Schedule = Annotated[str, AfterValidator(schedule)]
