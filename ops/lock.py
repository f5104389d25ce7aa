"""`ops lock`: brings models.lock.yaml up to a stack's models, touching no other stack's entries."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from ops import select_files
from ops.errors import OpsError
from plan import lock as locks
from plan.config import KEY, Model
from plan.errors import ConfigError
from plan.lock import Lock, LockedModel
from plan.names import ModelId
from plan.notes import notes

LOCK_FILE = Path("models.lock.yaml")
_Models = TypeAdapter(dict[ModelId, Model])


def run(stack: str, ids: list[str], *, update: bool, check: bool) -> None:
    """Check or complete the lock for `stack`; prints what changed. Raises OpsError or ConfigError."""
    models, lock = _stack_models(stack), _read()
    if ids and not update:
        raise OpsError(
            f"{', '.join(ids)}: a locked model changes only on request", f"add --update: {_command(stack, *ids)}"
        )
    if unknown := sorted(set(ids) - models.keys()):
        known = ", ".join(sorted(models))
        raise OpsError(f"{', '.join(unknown)} is no model of stack {stack}", f"name one of {known}")
    missing = [model_id for model_id in models if model_id not in lock.models]
    if check:
        _require_agreement(stack, models, lock)
        if missing:
            raise OpsError(f"not locked: {', '.join(missing)}", f"run `python -m ops lock --stack {stack}`")
        print(f"models.lock.yaml has all {len(models)} models of stack {stack}")
        print("".join(f"{note}\n" for note in notes({key: lock.models[key] for key in models}, stack)), end="")
        return
    chosen = (ids or list(models)) if update else missing
    _require_agreement(stack, {key: model for key, model in models.items() if key not in chosen}, lock)
    changed = _resolve(models, chosen)
    new = Lock(version=1, models={**lock.models, **changed})
    if new != lock:
        _write(locks.dump(new))
    _show(lock.models, changed)


def _stack_models(stack: str) -> dict[str, Model]:
    """The stack's models alone: the rest of the file may still lack facts that only a machine can fill in."""
    file = Path(f"Pulumi.{stack}.yaml")
    try:
        raw: Any = yaml.safe_load(file.read_text())
        return _Models.validate_python(raw["config"][KEY]["models"])
    except FileNotFoundError:
        there = ", ".join(sorted(path.name.split(".")[1] for path in Path().glob("Pulumi.*.yaml"))) or "none here"
        raise OpsError(f"there is no {file}", f"pass --stack with one of: {there}") from None
    except (KeyError, TypeError):
        raise OpsError(f"{file} has no config.{KEY}.models", "add the models; README.md shows the form") from None
    except yaml.YAMLError as error:
        raise OpsError(f"{file} is not YAML: {' '.join(str(error).split())}", "correct the file") from None
    except ValidationError as error:
        raise ConfigError.from_pydantic(f"{KEY}.models", error, {}) from None


def _read() -> Lock:
    return locks.load(LOCK_FILE.read_text()) if LOCK_FILE.exists() else Lock(version=1, models={})


def _require_agreement(stack: str, models: Mapping[str, Model], lock: Lock) -> None:
    """Raise when a locked model is not what the configuration means."""
    for model_id, model in models.items():
        if (locked := lock.models.get(model_id)) and (difference := _difference(model, locked)):
            raise OpsError(
                f"{model_id}: {difference}",
                f"run `{_command(stack, model_id)}`, or take another id if both are in use",
            )


def _difference(model: Model, locked: LockedModel) -> str:
    for key in ("repo", "revision", "quant"):
        if (wanted := getattr(model, key)) != (have := getattr(locked, key)):
            return f"the configuration says {key} {wanted}, the lock {have}"
    have = next((select_files.tag(file.path) for file in locked.files if file.role == "mmproj"), None)
    if have != (model.mmproj and model.mmproj.upper()):
        return f"the configuration says mmproj {model.mmproj}, the lock {have}"
    return ""


def _command(stack: str, *ids: str) -> str:
    return f"python -m ops lock --stack {stack} --update {' '.join(ids)}".rstrip()


def _resolve(models: Mapping[str, Model], ids: list[str]) -> dict[str, LockedModel]:
    if not ids:
        return {}
    from rich.console import Console

    from ops import hub

    resolved: dict[str, LockedModel] = {}
    with Console(stderr=True).status("") as status:
        for model_id in ids:
            status.update(f"{model_id}: asking the hub for {models[model_id].repo}")
            resolved[model_id] = hub.resolve(models[model_id])
    return resolved


def _write(text: str) -> None:
    """Replace the lock whole: a reader, or a person after Ctrl-C, never finds half of it."""
    with tempfile.NamedTemporaryFile("w", dir=LOCK_FILE.absolute().parent, prefix=".lock-", delete=False) as draft:
        try:
            draft.write(text)
            draft.flush()
            os.fchmod(draft.fileno(), 0o644)
            os.fsync(draft.fileno())
            os.replace(draft.name, LOCK_FILE)
        except BaseException:
            os.unlink(draft.name)
            raise


def _show(before: Mapping[str, LockedModel], resolved: Mapping[str, LockedModel]) -> None:
    from rich.console import Console
    from rich.table import Table

    changed = {model_id: model for model_id, model in resolved.items() if before.get(model_id) != model}
    if not changed:
        print("models.lock.yaml: nothing changed")
        return
    table = Table("model", "", "commit", "quant", "MiB", "files", "facts", "generation")
    for column in table.columns:  # a cut name or hash is worth nothing
        column.overflow = "fold"
    for model_id, model in sorted(changed.items()):
        rows = [("-", old)] if (old := before.get(model_id)) else []
        for sign, row in [*rows, ("+", model)]:
            names = "\n".join(file.path for file in row.files)
            facts = "\n".join(f"{name}: {group.source}" for name, group in row.gguf.groups.items())
            mib = f"{row.size_bytes / 2**20:.0f}"
            table.add_row(model_id, sign, row.commit[:12], row.quant, mib, names, facts, row.gen)
    Console().print(table)
