"""How fast the last download was, as pods/fetch says in its log."""

import json
from typing import Any, cast

_LINES = 6  # a minute of it


def download_rate(log: str) -> float | None:
    """MiB/s, from lines that each begin with a time; None where nothing was downloaded in them."""
    rates = [rate for line in sorted(log.splitlines()) if (rate := _rate(line.partition(" ")[2]))][-_LINES:]
    return sum(rates) / len(rates) if rates else None


def _rate(line: str) -> float:
    try:
        said = cast("dict[str, Any]", json.loads(line))
        return float(said["mib_s"]) if said["event"] == "progress" else 0
    except (KeyError, TypeError, ValueError):
        return 0
