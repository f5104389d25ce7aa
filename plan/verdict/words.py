"""Amounts and lists as a person says them."""

from collections.abc import Iterable

WHOLE = "DIFF=1 shows all"
_NAMED = 8  # of a list; the rest is counted


def listed(found: Iterable[str]) -> str:
    """a, b and 3 more."""
    names = [*found]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if names[_NAMED:] else "")


def size(count: int) -> str:
    """Bytes in GiB or whole MiB."""
    if not count:
        return "nothing"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, round(count / 2**20))} MiB"
