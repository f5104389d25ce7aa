"""Kubernetes quantities ("30Gi", "200m", "5k") in canonical form.

Source: k8s.io/apimachinery pkg/api/resource (quantity.go, amount.go, suffix.go), v0.36.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_TEXT = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(n|u|m|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?\d+)?")


def canonical(text: str) -> str:
    """The quantity as the API server would write it; raises ValueError where `text` is not a quantity.

    It has the largest suffix that leaves a whole number. Anything finer than a nano-unit is rounded up.
    """
    match = _TEXT.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a quantity: write a number and an optional suffix, like 500m or 30Gi")
    sign, digits, suffix = match[1].replace("+", ""), match[2], match[3] or ""
    whole, _, fraction = digits.partition(".")
    shifted = (whole.lstrip("0") or "0") + fraction
    if suffix in _BINARY and not fraction and int(shifted) % 8:
        return text  # the API server returns such a text unchanged
    from decimal import Decimal  # here, because a preview pays for every import and few values need it

    if suffix in _BINARY:
        amount = Decimal(digits) * 2 ** _BINARY[suffix]
        # Below 1024 and where fractions remain, the server leaves the binary notation.
        if amount == amount.to_integral_value() and (amount >= 1024 or amount == 0):
            return sign + _in_binary(int(amount))
        return sign + _in_decimal(amount)
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    scale = exponent - len(fraction)
    if scale % 3 == 0 and scale >= -9 and shifted[0] != "0" and not shifted.endswith("000") and len(shifted) <= 18:
        return text  # the API server returns 1.234 and 007 unchanged
    number = _in_decimal(Decimal(digits).scaleb(exponent), exponential=suffix not in _DECIMAL)
    return number if number == "0" else sign + number


def _in_binary(amount: int) -> str:
    suffix = ""
    for name in _BINARY:
        if amount == 0 or amount % 1024:
            break
        amount, suffix = amount // 1024, name
    return f"{amount}{suffix}"


def _in_decimal(amount: "Decimal", *, exponential: bool = False) -> str:
    nano = int((amount * 10**9).to_integral_value(rounding="ROUND_CEILING"))
    if not nano:
        return "0"
    exponent = -9
    while nano % 1000 == 0 and exponent < 18:
        nano, exponent = nano // 1000, exponent + 3
    if exponential:
        return f"{nano}e{exponent}" if exponent else str(nano)
    return f"{nano}{next(name for name, power in _DECIMAL.items() if power == exponent)}"
