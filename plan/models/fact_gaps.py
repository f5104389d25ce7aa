"""Notes of a preview about models whose facts did not all come from their own files."""

from collections.abc import Mapping

from plan.models.lock import LockedModel

_NAMED = 2  # a sentence that lists ten keys is not read


def notes(locked: Mapping[str, LockedModel]) -> tuple[str, ...]:
    """One sentence for each such model, by id: what is missing, what the rest stands on, the command that reads it."""
    found = {model_id: _gaps(model) for model_id, model in sorted(locked.items())}
    return tuple(
        f"{model_id}: {gaps}. Run `bin/local-llm lock --update {model_id}`." for model_id, gaps in found.items() if gaps
    )


def _gaps(model: LockedModel) -> str:
    missing = model.gguf.missing(any(file.role == "mmproj" for file in model.files))
    untold = _by_source(model)
    if missing:
        names = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if missing[_NAMED:] else "")
        return f"no {names}{f' ({untold})' if untold else ''}, so GPU memory can be bounded, not computed"
    return f"GPU memory rests on facts from outside its files ({untold})" if untold else ""


def _by_source(model: LockedModel) -> str:
    names: dict[str, list[str]] = {}
    for name, group in model.gguf.groups.items():
        names.setdefault(group.source, []).append(name)
    return ", ".join(
        f"{source} {' and '.join(names[source])}" for source in ("published", "derived") if source in names
    )
