"""A day in the configuration: a YAML date, a text like 2026-12-31, or a date as Pulumi prints it."""

import datetime
import re
from typing import Annotated

from pydantic import BeforeValidator


def _day(value: object) -> object:
    if isinstance(value, str):
        # What Pulumi (3.259) makes of a date without quotes: Go's way to print a time.
        text = re.sub(r"(?: 00:00:00 \+0000 UTC|T00:00:00Z)$", "", value)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            try:
                return datetime.date.fromisoformat(text)
            except ValueError:
                raise ValueError("there is no such day") from None
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    raise ValueError("a day is written as 2026-12-31")


Day = Annotated[datetime.date, BeforeValidator(_day)]
