"""Kubernetes quantities as the API server writes them back, so that nothing ever differs."""

import re

from plan.text.limits import DIGITS
from plan.text.show import show

_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_TEXT = re.compile(r"\+?(\d+\.?\d*|\.\d+)(n|u|m|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?\d{1,2})?", re.ASCII)


def mib_quantity(mib: int) -> str:
    """2048 MiB is 2Gi, 1500 MiB is 1500Mi."""
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"


def count_quantity(count: int) -> str:
    """A count below 10^18 of an extended resource: 7100 stays, 5000 is 5k."""
    power = 0
    while count and count % 1000 == 0:
        count, power = count // 1000, power + 1
    return f"{count}{('', 'k', 'M', 'G', 'T', 'P')[power]}"


def whole(text: str) -> int:
    """The number that a quantity stands for in any spelling: 7100, 7.1k, 7100000m and 7Ki alike.

    Raises ValueError for a fraction, a negative number and a text that is not a quantity (k8s.io/apimachinery,
    quantity.go).
    """
    match = _TEXT.fullmatch(text) if len(text) <= DIGITS else None
    if not match:
        raise ValueError(f"{show(text)} is not a quantity of 0 or more")
    integer, _, fraction = match[1].partition(".")
    suffix, digits = match[2] or "", int(integer + fraction)
    if suffix in _BINARY:
        up, down = 2 ** _BINARY[suffix], 10 ** len(fraction)
    else:
        exponent = (_DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])) - len(fraction)
        up, down = 10 ** max(exponent, 0), 10 ** max(-exponent, 0)
    number, rest = divmod(digits * up, down)
    if rest:
        raise ValueError(f"{show(text)} is not a whole number, and an extended resource is counted in whole units")
    return number
