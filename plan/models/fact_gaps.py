"""Notes of a preview about models whose facts did not all come from their own files."""

from collections.abc import Mapping

from plan import config
from plan.models.lock import LockedModel
from plan.models.tools import calls_tools

_NAMED = 2  # a sentence that lists ten keys is not read


def notes(locked: Mapping[str, LockedModel], models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """One sentence for each such model, by id: what is missing, what the rest stands on, the command that reads it."""
    found = {model_id: _gaps(model, models[model_id]) for model_id, model in sorted(locked.items())}
    return tuple(
        f"{model_id}: {gaps}. Run `python -m ops lock --update {model_id}`." for model_id, gaps in found.items() if gaps
    )


def _gaps(locked: LockedModel, model: config.Model) -> str:
    missing = locked.gguf.missing(any(file.role == "mmproj" for file in locked.files))
    untold, found = _by_source(locked), list[str]()
    if missing:
        names = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if missing[_NAMED:] else "")
        told = f" ({untold})" if untold else ""
        found.append(f"no {names}{told}, so GPU memory can be bounded, not computed")
    elif untold:
        found.append(f"GPU memory rests on facts from outside its files ({untold})")
    if calls_tools(locked, model) is None:
        found.append("whether its chat template has tools is not known")
    return "; ".join(found)


def _by_source(model: LockedModel) -> str:
    names: dict[str, list[str]] = {}
    for name, group in model.gguf.groups.items():
        names.setdefault(group.source, []).append(name)
    return ", ".join(
        f"{source} {' and '.join(names[source])}" for source in ("published", "derived") if source in names
    )
