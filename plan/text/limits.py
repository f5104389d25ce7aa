"""How large a text from outside may be, how deep, and how long a number in it. pods/core/json_text.py has the same."""

import math

BYTES = 16 << 20
DEPTH = 64  # levels; a stack file has eight
DIGITS = 64
NODES = 500_000  # values of a YAML file, those that aliases repeat counted each time; 512 locked models have 40,000


def whole(digits: str) -> int:
    """An integer in decimal digits; raises ValueError in words."""
    require_short(digits)
    return int(digits)


def finite(digits: str) -> float:
    """A number with a point or an exponent; raises ValueError in words."""
    require_short(digits)
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is larger than any number")
    return value


def require_short(digits: str) -> None:
    """Raise ValueError where a number has too many digits to mean anything; converting them takes ever longer, too."""
    if len(digits) > DIGITS:
        raise ValueError(f"a number in it has more than {DIGITS} digits")
