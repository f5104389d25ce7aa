"""Notes of a preview about models whose facts did not all come from their own files, or are odd."""

from collections.abc import Mapping

from plan import config
from plan.models.abilities import calls_tools
from plan.models.ggml_types import bits
from plan.models.lock import LockedModel

_NAMED = 2  # a sentence that lists ten keys is not read
_MIXED_BITS = 1  # rows that are no whole blocks of a type get the next finer one (llama.cpp, tensor_type_fallback)


def notes(locked: Mapping[str, LockedModel], models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A sentence each for those whose facts are missing, are from elsewhere, tell nothing of tools, or belie the name.

    The first three name the command that reads them from the files.
    """
    missing = {model_id: gaps for model_id, model in sorted(locked.items()) if (gaps := _missing(model))}
    rest = {key: model for key, model in sorted(locked.items()) if key not in missing}
    untold = {model_id: said for model_id, model in rest.items() if (said := _by_source(model))}
    told = {**missing, **untold}  # their command reads the template too
    unsure = {key: "" for key, it in sorted(locked.items()) if key not in told and calls_tools(it, models[key]) is None}
    return (
        *_sentence("GPU memory can be bounded, not computed", missing),
        *_sentence("GPU memory rests on facts from outside the files", untold),
        *_sentence("Whether their chat templates have tools is not known", unsure),
        *(
            f"{key} is called {it.quant}, and most numbers in its blocks are {said}: its quality is that of {said}."
            for key, it in sorted(locked.items())
            if (said := _otherwise_quantized(it))
        ),
    )


def _otherwise_quantized(model: LockedModel) -> str | None:
    mostly = model.gguf.weights.mostly if model.gguf.weights else None
    named, real = bits(model.quant.upper()), bits(mostly or "")
    return mostly if named and real and abs(named - real) > _MIXED_BITS else None


def _sentence(what: str, found: Mapping[str, str]) -> tuple[str, ...]:
    if not found:
        return ()
    alike: dict[str, list[str]] = {}
    for model_id, why in found.items():
        alike.setdefault(why, []).append(model_id)
    whose = "; ".join(f"{', '.join(ids)}{f' ({why})' if why else ''}" for why, ids in alike.items())
    return (f"{what}: {whose}. Run `bin/local-llm lock --update {' '.join(found)}`.",)


def _missing(model: LockedModel) -> str:
    names = model.gguf.missing(any(file.role == "mmproj" for file in model.files))
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if names[_NAMED:] else "")
    return f"no {shown}" if names else ""


def _by_source(model: LockedModel) -> str:
    names: dict[str, list[str]] = {}
    for name, group in model.gguf.groups.items():
        names.setdefault(group.source, []).append(name)
    return ", ".join(
        f"{source} {' and '.join(names[source])}" for source in ("published", "derived") if source in names
    )
