"""What a change does to the weights on the volume: fetched, found there, used by nobody any more; and whether it fits.

What lies on the volume is what the Jobs of the state have fetched. A file that two models share is there once.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from plan.base import names
from plan.plan import Plan
from plan.verdict.change import Change
from plan.weights.space import GIB, margin_bytes

Blobs = Mapping[str, int]  # sha256 -> bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """Bytes that have to come over the line, by model; `lacking_bytes` is what the volume has too little, if any."""

    models: Mapping[str, int]
    download_bytes: int
    there_bytes: int
    capacity_bytes: int | None
    lacking_bytes: int
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Weights:
    """`unused` are bytes that nobody names any more, by model; `adopted` models find all of their files there.

    `unread` are Jobs whose files this program cannot tell.
    """

    fetched: Fetched | None
    adopted: tuple[str, ...]
    unused: Mapping[str, int]
    unused_bytes: int
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Fetch:
    model_id: str
    blobs: Blobs


def weigh(changes: Iterable[Change], plan: Plan, fetch_mib_s: float | None) -> Weights:
    """`fetch_mib_s` is the rate of the last download, where it is known."""
    jobs = [change for change in changes if _is_fetch(change, plan)]
    touched = {change.name for change in jobs}
    planned = {job.job: _read(job.manifest) for job in plan.fetches.jobs}
    before = [it for change in jobs if change.old and not change.failed and (it := _of_job(change.old))]
    before += [it for job, it in planned.items() if it and job not in touched]
    after = [it for it in planned.values() if it]
    there, wanted = _blobs(before), _blobs(after)
    missing = {sha: size for sha, size in wanted.items() if sha not in there}
    new = [it for job, it in planned.items() if it and job in touched]
    came = [it for it in new if not missing.keys() & it.blobs.keys()]
    left = {sha: size for sha, size in there.items() if sha not in wanted}
    return Weights(
        fetched=_fetched(new, missing, there, plan, fetch_mib_s) if missing else None,
        adopted=tuple(it.model_id for it in came if it.model_id not in {old.model_id for old in before}),
        unused={it.model_id: sum(left.get(sha, 0) for sha in it.blobs) for it in before if left.keys() & it.blobs},
        unused_bytes=sum(left.values()),
        unread=tuple(change.name for change in jobs if change.old and not _of_job(change.old)),
    )


def _fetched(new: list[_Fetch], missing: Blobs, there: Blobs, plan: Plan, fetch_mib_s: float | None) -> Fetched:
    counted = set[str]()
    models = dict[str, int]()
    for it in new:
        own = {sha: size for sha, size in it.blobs.items() if sha in missing and sha not in counted}
        counted |= own.keys()
        if own:
            models[it.model_id] = sum(own.values())
    size, present = sum(missing.values()), sum(there.values())
    capacity = plan.volume.size_gib * GIB if plan.volume.size_gib else None
    needed = present + size + margin_bytes(max(models.values(), default=0))
    minutes = max(1, round(size / 2**20 / fetch_mib_s / 60)) if fetch_mib_s else None
    lacking = max(0, needed - capacity) if capacity else 0
    return Fetched(models, size, present, capacity, lacking, minutes)


def _is_fetch(change: Change, plan: Plan) -> bool:
    ours = change.kind == "Job" and change.namespace == plan.namespace and not change.is_foreign
    return ours and change.name.startswith(names.FETCHING)


def _blobs(fetches: Iterable[_Fetch]) -> Blobs:
    return {sha: size for it in fetches for sha, size in it.blobs.items()}


def _of_job(inputs: Mapping[str, Any]) -> _Fetch | None:
    """What a Job fetches, from the manifest in its container's arguments."""
    try:
        containers = inputs["spec"]["template"]["spec"]["containers"]
        (arguments,) = [it["args"] for it in containers if it["name"] == names.FETCH]
        return _read(arguments[arguments.index("--manifest") + 1])
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def _read(argument: str) -> _Fetch | None:
    """A fetcher's manifest as an argument of its container; None where an earlier or later version wrote another."""
    try:
        manifest = cast("dict[str, Any]", json.loads(argument.replace("$$", "$")))
        blobs = {str(file["sha256"]): int(file["size"]) for file in manifest["files"]}
        return _Fetch(str(manifest.get("model", manifest["id"])), blobs)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
