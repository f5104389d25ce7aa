"""When something was measured: not in the future, and not before there was anything to measure."""

import datetime
from collections.abc import Iterator

from plan import config
from plan.base.errors import ConfigError

_FIRST = datetime.date(2023, 3, 10)  # llama.cpp's first commit
_AHEAD = datetime.timedelta(days=1)  # it may be tomorrow already where the measurement was made


def require_past(stack: config.Stack, today: datetime.date) -> None:
    """Raise ConfigError with every day of a measurement that cannot be right."""
    problems = [
        ConfigError(key, str(day), f"{rule}. Correct the day, or remove the measurement.")
        for key, day, first in _days(stack)
        if (rule := _broken(day, first, today))
    ]
    if problems:
        raise ConfigError.of(problems)


def _days(stack: config.Stack) -> Iterator[tuple[str, datetime.date, datetime.date]]:
    """The key of each day, the day, and the first one that it may be."""
    for model_id, model in sorted(stack.models.items()):
        for number, measured in enumerate(model.measured):
            yield f"{config.KEY}.models.{model_id}.measured.{number}.date", measured.date, _FIRST
    for name, tenant in sorted(stack.gpu.tenants.items()):
        if tenant.measured is not None:
            yield f"{config.KEY}.gpu.tenants.{name}.measured.date", tenant.measured.date, datetime.date.min


def _broken(day: datetime.date, first: datetime.date, today: datetime.date) -> str:
    if day > today + _AHEAD:
        return f"Today is {today}, and a measurement lies before"
    return f"There was no llama.cpp to measure before {first}" if day < first else ""
