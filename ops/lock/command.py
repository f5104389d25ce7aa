"""`ops lock`: completes models.lock.yaml for the models of one stack or all; entries of other stacks stay.

An id that the lock lacks, for files that it has under another id, takes over that entry.
"""

import os
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ops.allocator import program
from ops.base import atomic, here, network
from ops.base.errors import OpsError
from ops.base.hub_address import hub_address
from ops.base.waiting import waiting
from ops.lock import figures
from ops.lock.locked_model import Resolved, repositories
from ops.stack import lock_file, stack_models
from plan.base.errors import ConfigError
from plan.base.hub_names import PLACEHOLDER
from plan.config import Model
from plan.models import lock as locks
from plan.models.agreement import locked_elsewhere, locked_models
from plan.models.fact_gaps import notes
from plan.models.lock import Lock, LockedModel
from plan.text.show import LINE, plain

_THE_CLUSTER_STILL_FETCHES = (
    "Only the lock was written: no file was copied. The cluster fetches them from `fetch.endpoint` of the stack,\n"
    "or takes what lies on the volume already with the locked size and sha256."
)
_ANOTHER_HUB = "HF_ENDPOINT is for this command; the cluster asks the stack's `fetch.endpoint`."


@dataclass(frozen=True, slots=True)
class Origin:
    """Where files come from: `directory`, or else the hub. `commit` is the commit a person gives for the directory.

    `llama_server` is a path that a person gives of the one to ask for GPU memory.
    """

    directory: Path | None = None
    commit: str | None = None
    llama_server: str | None = None


def run(stack: str | None, ids: list[str], source: Origin, *, update: bool, check: bool) -> None:
    """Check or complete the lock for one stack or all; prints what changed. Raises OpsError or ConfigError."""
    if check and source.directory:
        raise OpsError("--check does not read any model's files", "leave --from out")
    # Path.is_dir raises what it does not expect, such as a name that is too long.
    if source.directory and not os.path.isdir(source.directory):
        raise OpsError(f"there is no directory {plain(str(source.directory))}", "pass one with --from")
    if source.commit and not source.directory:
        raise OpsError("--commit is the commit of the files in a directory", "add --from DIR, or leave --commit out")
    models = stack_models.read(stack)
    lock = _read((ids or models) if update else ())
    whose = f"stack {stack}" if stack else "any stack"
    if ids and not update:
        raise OpsError(f"{', '.join(ids)}: a locked model changes only on request", f"add --update: {_command(*ids)}")
    if unknown := sorted(set(ids) - models.keys()):
        known = ", ".join(sorted(models))
        raise OpsError(f"{', '.join(unknown)} is not a model of {whose}", f"name one of {known}")
    missing = [model_id for model_id in models if model_id not in lock.models]
    if check:
        locked = locked_models(models, lock)
        print(f"models.lock.yaml has all {len(models)} models of {whose}")
        said = (*notes(locked, models), *figures.gaps(locked, stack_models.on_card(models)))
        print("".join(f"{here.typed(note)}\n" for note in said), end="")
        return
    chosen = (ids or list(models)) if update else missing
    if not update:
        locked_models({key: model for key, model in models.items() if key not in chosen}, lock)
    _complete(lock, {key: models[key] for key in chosen}, source)


def _complete(lock: Lock, models: Mapping[str, Model], source: Origin) -> None:
    """Write the lock with entries for these models, and show what is another one than before."""
    taken_over = {} if source.directory else _taken_over(models, lock)
    asked = {key: model for key, model in models.items() if key not in taken_over}
    served = stack_models.on_card(asked)
    # Before the hub is asked: a llama-server that was named and cannot be asked is refused at once.
    llama_server = program.find(source.llama_server) if any(served.values()) else None
    entries, said = figures.asked(_resolve(asked, source), served, lock.models, llama_server)
    changed = taken_over | entries
    there = _read(changed)  # that took minutes, in which another run may have written models of another stack
    new = Lock(version=1, models={**there.models, **changed})
    if new != there:
        atomic.write(lock_file.path(), locks.dump(new))
    _show(lock.models, changed)
    print("".join(f"{line}\n" for line in said), end="")
    if changed:
        _say_where_the_cluster_fetches(source)


def _say_where_the_cluster_fetches(source: Origin) -> None:
    if source.directory:
        print(_THE_CLUSTER_STILL_FETCHES)
    elif os.environ.get("HF_ENDPOINT"):
        print(_ANOTHER_HUB)


def _read(replaced: Collection[str]) -> Lock:
    """The lock; where it cannot be used, without the entries that are to be `replaced` anyway. Raises ConfigError."""
    try:
        return lock_file.read()
    except ConfigError:
        if not replaced:
            raise
    return lock_file.read(replaced)


def _command(*ids: str) -> str:
    return f"bin/local-llm lock --update {' '.join(ids)}".rstrip()


def _taken_over(models: Mapping[str, Model], lock: Lock) -> dict[str, LockedModel]:
    """Entries for models that the lock has under another id alone: after a renaming the bytes stay the same ones."""
    found = {
        model_id: other
        for model_id, model in models.items()
        if model_id not in lock.models and (other := locked_elsewhere(model, lock))
    }
    for model_id, other in found.items():
        command = here.typed(_command(model_id))
        print(f"{model_id}: models.lock.yaml has the same files for {other}, so no hub was asked; `{command}` asks")
    return {model_id: lock.models[other] for model_id, other in found.items()}


def _resolve(models: Mapping[str, Model], source: Origin) -> dict[str, Resolved]:
    if not models:
        return {}
    if unnamed := [key for key, model in models.items() if PLACEHOLDER in [it.repo for it in repositories(model)]]:
        what = f"{', '.join(unnamed)}: {PLACEHOLDER} stands for a repository that nobody has named yet"
        raise OpsError(what, "write there the one that has the file")
    if source.directory:
        from ops.lock import directory

        return directory.resolve(models, source.directory, source.commit)
    from rich.text import Text

    from ops.base.terminal import console

    network.require_private(hub_address().text)  # before the hub's library is imported, which a bad address breaks
    from ops.lock import hub

    network.settle()
    resolved: dict[str, Resolved] = {}
    out = console(stderr=True)
    with out.status("") as status:
        for number, (model_id, model) in enumerate(models.items(), start=1):
            what = f"{model_id} ({number} of {len(models)}): asking the hub for {model.repo}"
            status.update(Text(what))
            with nullcontext() if out.is_terminal else waiting(what):
                resolved[model_id] = hub.resolve(model)
    return resolved


def _show(before: Mapping[str, LockedModel], resolved: Mapping[str, LockedModel]) -> None:
    """Each changed model in lines that 80 columns hold, `-` what it was and `+` what it is; no table would."""
    changed = {model_id: model for model_id, model in resolved.items() if before.get(model_id) != model}
    if not changed:
        print("models.lock.yaml: nothing changed")
    for model_id, model in sorted(changed.items()):
        rows = [("-", old)] if (old := before.get(model_id)) else []
        for sign, it in [*rows, ("+", model)]:
            print(f"{sign} {model_id}: {it.quant}, {it.size_bytes / 2**20:.0f} MiB, commit {it.commit[:12]}, {it.gen}")
            for file in it.files:
                print(f"    {plain(f'{file.repo}: {file.path}' if file.repo else file.path, LINE)}")
            facts = [f"{name}: {group.source}" for name, group in it.gguf.groups.items()]
            facts += [f"draft: {it.gguf.draft.shape.source}"] if it.gguf.draft else []
            print(f"    facts of {', '.join(facts)}")
            if it.gguf.allocator:
                print(f"    GPU memory by the allocator of llama.cpp b{it.gguf.allocator.build}")
