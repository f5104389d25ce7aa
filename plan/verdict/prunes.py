"""What becomes of weights that nobody names any more, from the manifest of the CronJob."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from plan.plan import Plan
from plan.verdict.change import Change

_HOUR_S = 3600


def prune_words(manifest: str) -> str:
    """What is done with them; "" where another version wrote the manifest."""
    try:
        raw = cast("dict[str, Any]", json.loads(manifest.replace("$$", "$")))
        hours = int(raw["grace_s"]) // _HOUR_S
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""
    return {
        "report": "kept, and only reported",
        "trash": f"set aside after {hours} h",
        "delete": f"set aside after {hours} h and removed {hours} h later",
    }.get(str(raw.get("mode")), "")


def prune_before(changes: Iterable[Change], plan: Plan) -> str | None:
    """`prune_words` of the CronJob before the change; None where it stays or was not there."""
    found = [it for it in changes if it.kind == "CronJob" and it.name == plan.prune.name and it.old]
    return prune_words(_manifest(found[0].old)) if found else None


def _manifest(inputs: Mapping[str, Any]) -> str:
    try:
        pod = inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        arguments = [*pod["containers"][0]["args"]]
        return str(arguments[arguments.index("--manifest") + 1])
    except (KeyError, TypeError, ValueError, IndexError):
        return ""
