"""What our pods measured, as their logs have it: how fast they downloaded, and how fast the volume was read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

_LINES = 6  # of progress, a minute of it


@dataclass(frozen=True, slots=True)
class Measured:
    """MiB/s of the last download, None where none is known, and of each model's last read by the sidecar."""

    fetch_mib_s: float | None
    read_mib_s: Mapping[str, float]


NOTHING = Measured(None, {})


def measured(log: str) -> Measured:
    """From lines that each begin with their time; what is not ours is passed over."""
    said = [event for line in sorted(log.splitlines()) if (event := _event(line.partition(" ")[2]))]
    rates = [rate for event, _, rate in said if event == "progress"][-_LINES:]
    reads = {model: rate for event, model, rate in said if event == "warmed"}
    return Measured(sum(rates) / len(rates) if rates else None, reads)


def _event(line: str) -> tuple[str, str, float] | None:
    """What happened to which model, if any, and its MiB/s; None for a line without."""
    try:
        said = cast("dict[str, Any]", json.loads(line))
        found = str(said["event"]), str(said.get("model", "")), float(said["mib_s"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return found if 0 < found[2] < float("inf") else None
