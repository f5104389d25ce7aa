"""`ops lock`: completes models.lock.yaml for the models of one stack or all; entries of other stacks stay."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.base import atomic, network
from ops.base.errors import OpsError
from ops.gguf import file_names
from ops.stack import lock_file, stack_models
from ops.stack.lock_file import LOCK_FILE
from plan.config import Model
from plan.models import lock as locks
from plan.models.fact_gaps import notes
from plan.models.lock import Lock, LockedModel

_THE_CLUSTER_STILL_FETCHES = (
    "Only the lock was written: no file was copied. The cluster fetches them from `fetch.endpoint` of the stack,\n"
    "or takes what lies on the volume already with the locked size and sha256."
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where files come from: `directory`, or else the hub. `commit` is the commit a person gives for the directory."""

    directory: Path | None = None
    commit: str | None = None


def run(stack: str | None, ids: list[str], source: Origin, *, update: bool, check: bool) -> None:
    """Check or complete the lock for one stack or all; prints what changed. Raises OpsError or ConfigError."""
    if check and source.directory:
        raise OpsError("--check does not read any model's files", "leave --from out")
    if source.commit and not source.directory:
        raise OpsError("--commit is the commit of the files in a directory", "add --from DIR, or leave --commit out")
    models, lock = stack_models.read(stack), lock_file.read()
    whose = f"stack {stack}" if stack else "any stack"
    if ids and not update:
        raise OpsError(f"{', '.join(ids)}: a locked model changes only on request", f"add --update: {_command(*ids)}")
    if unknown := sorted(set(ids) - models.keys()):
        known = ", ".join(sorted(models))
        raise OpsError(f"{', '.join(unknown)} is not a model of {whose}", f"name one of {known}")
    missing = [model_id for model_id in models if model_id not in lock.models]
    if check:
        _require_agreement(models, lock)
        if missing:
            raise OpsError(f"not locked: {', '.join(missing)}", "run `python -m ops lock`")
        print(f"models.lock.yaml has all {len(models)} models of {whose}")
        print("".join(f"{note}\n" for note in notes({key: lock.models[key] for key in models})), end="")
        return
    chosen = (ids or list(models)) if update else missing
    _require_agreement({key: model for key, model in models.items() if key not in chosen}, lock)
    changed = _resolve({key: models[key] for key in chosen}, source)
    new = Lock(version=1, models={**lock.models, **changed})
    if new != lock:
        atomic.write(LOCK_FILE, locks.dump(new))
    _show(lock.models, changed)
    if source.directory and changed:
        print(_THE_CLUSTER_STILL_FETCHES)


def _require_agreement(models: Mapping[str, Model], lock: Lock) -> None:
    """Raise OpsError when a locked model differs from what the configuration names."""
    for model_id, model in models.items():
        if (locked := lock.models.get(model_id)) and (difference := _difference(model, locked)):
            raise OpsError(
                f"{model_id}: {difference}",
                f"run `{_command(model_id)}`, or take another id if both are in use",
            )


def _difference(model: Model, locked: LockedModel) -> str:
    for key in ("repo", "revision", "quant"):
        if (wanted := getattr(model, key)) != (have := getattr(locked, key)):
            return f"the configuration says {key} {wanted}, the lock {have}"
    have = next((file_names.tag(file.path) for file in locked.files if file.role == "mmproj"), None)
    if have != (model.mmproj and model.mmproj.upper()):
        return f"the configuration says mmproj {model.mmproj}, the lock {have}"
    return ""


def _command(*ids: str) -> str:
    return f"python -m ops lock --update {' '.join(ids)}".rstrip()


def _resolve(models: Mapping[str, Model], source: Origin) -> dict[str, LockedModel]:
    if not models:
        return {}
    if source.directory:
        from ops.lock import directory

        return directory.resolve(models, source.directory, source.commit)
    from rich.console import Console

    from ops.lock import hub

    network.settle()
    network.require_private(os.environ.get("HF_ENDPOINT", ""))
    resolved: dict[str, LockedModel] = {}
    with Console(stderr=True).status("") as status:
        for number, (model_id, model) in enumerate(models.items(), start=1):
            status.update(f"{model_id} ({number} of {len(models)}): asking the hub for {model.repo}")
            resolved[model_id] = hub.resolve(model)
    return resolved


def _show(before: Mapping[str, LockedModel], resolved: Mapping[str, LockedModel]) -> None:
    from rich.console import Console

    from ops.base.table import whole

    changed = {model_id: model for model_id, model in resolved.items() if before.get(model_id) != model}
    if not changed:
        print("models.lock.yaml: nothing changed")
        return
    table = whole("model", "", "commit", "quant", "MiB", "files", "facts", "generation")
    for model_id, model in sorted(changed.items()):
        rows = [("-", old)] if (old := before.get(model_id)) else []
        for sign, row in [*rows, ("+", model)]:
            names = "\n".join(file.path for file in row.files)
            facts = "\n".join(f"{name}: {group.source}" for name, group in row.gguf.groups.items())
            mib = f"{row.size_bytes / 2**20:.0f}"
            table.add_row(model_id, sign, row.commit[:12], row.quant, mib, names, facts, row.gen)
    Console().print(table)
