"""What is fetched onto the volume: one Job per model, and what the gate waits for."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from plan import names
from plan.lock import LockedModel
from plan.volume import MOUNT

SCRIPT_FILE = "fetch.py"
MANIFEST_FILE = "fetch.json"
# Another try would end the same way: wrong content, no such file, no space, no access, bad manifest (sysexits.h).
FINAL_EXIT_CODES = (65, 66, 73, 77, 78)
# The slowest line worth waiting for; below it a person would rather be told than wait.
_SLOWEST_MIB_S = 2
_STREAMS = 4


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """One Job: `manifest` is the fetcher's JSON input, `deadline_s` the seconds after which the Job has failed."""

    model_id: str
    job: str
    generation: str
    manifest: str
    deadline_s: int


def plan_fetches(models: Mapping[str, LockedModel], endpoint: str) -> tuple[FetchPlan, ...]:
    """A Job per model. Any of them may wait for the others' turn, so each deadline covers the bytes of all."""
    total_mib = sum(model.size_bytes for model in models.values()) / 2**20
    # Whole hours: another model's bytes should not change this Job.
    deadline_s = 3600 * (1 + math.ceil(total_mib / _SLOWEST_MIB_S / 3600))
    return tuple(
        FetchPlan(model_id, names.fetch_job(model_id), model.gen, _manifest(model_id, model, endpoint), deadline_s)
        for model_id, model in sorted(models.items())
    )


def gate_manifest(models: Mapping[str, LockedModel]) -> str:
    """JSON input of the gate: which generation of each model has to be whole before the server starts."""
    waited = [
        {
            "id": model_id,
            "gen": model.gen,
            "files": [{"link": file.link, "size": file.size} for file in model.files],
        }
        for model_id, model in sorted(models.items())
    ]
    return _json({"root": MOUNT, "models": waited})


def _manifest(model_id: str, model: LockedModel, endpoint: str) -> str:
    files = [{"path": f.path, "size": f.size, "sha256": f.sha256, "link": f.link} for f in model.files]
    return _json(
        {
            "endpoint": endpoint,
            "root": MOUNT,
            "id": model_id,
            "gen": model.gen,
            "repo": model.repo,
            "commit": model.commit,
            "files": files,
            "streams": _STREAMS,
        }
    )


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
