"""The file: its models and everything else in it, with macros put in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ops.adopt.llama_swap.commands import without_comments
from ops.adopt.llama_swap.macros import Macros, declared, expanded, merged, named
from plan.text.errors import Source, TextError
from plan.text.show import show
from plan.text.yaml_reader import read_yaml

_MOST = 1000  # models; public configurations have up to a hundred
_IDS = "setParamsByID"


@dataclass(frozen=True, slots=True)
class SwapFile:
    """`models` by id as they are written, but for macros; `rest` are the other keys; nothing uses the `idle` macros."""

    models: Mapping[str, object]
    rest: Mapping[str, Any]
    idle: tuple[str, ...]


def read(content: bytes, source: Source) -> SwapFile:
    """The file; raises TextError for what is no configuration of llama-swap."""
    document: object = read_yaml(content, source)
    if not isinstance(document, dict):
        raise TextError(source, f"got {show(document)}; it is a mapping with `models`")
    keys = cast("dict[str, Any]", document)
    models = keys.get("models")
    if not isinstance(models, dict) or not models:
        raise TextError(source, f"got {show(cast('object', models))}; it is a mapping of models by id", key="models")
    entries = cast("dict[str, Any]", models)
    if len(entries) > _MOST:
        raise TextError(
            source, f"there are {len(entries)} models, and {_MOST} are the most that are read", key="models"
        )
    common = declared(keys.get("macros"), source, "macros")
    rest = {key: value for key, value in keys.items() if key not in ("models", "macros")}
    used = {*named(document)}
    return SwapFile(
        models={model_id: _model(model_id, entry, common, source) for model_id, entry in entries.items()},
        rest={key: expanded(value, common, source, key) for key, value in rest.items()},
        idle=tuple(name for name, _ in common if name not in used),
    )


def _model(model_id: str, entry: object, common: Macros, source: Source) -> object:
    if not isinstance(entry, dict):
        return entry
    key = f"models.{model_id}"
    keys = cast("dict[str, Any]", entry)
    macros = merged(model_id, common, declared(keys.get("macros"), source, f"{key}.macros"))
    # Before macros: what a comment names is no part of a command.
    found = {name: without_comments(value) if name == "cmd" else value for name, value in keys.items()}
    model: dict[str, Any] = {
        name: expanded(value, macros, source, f"{key}.{name}") for name, value in found.items() if name != "macros"
    }
    filters = model.get("filters")
    by_id: object = cast("dict[str, Any]", filters).get(_IDS) if isinstance(filters, dict) else None
    if isinstance(by_id, dict):
        entries = cast("dict[str, Any]", by_id).items()
        renamed = {str(expanded(name, macros, source, f"{key}.filters")): one for name, one in entries}
        model["filters"] = {**cast("dict[str, Any]", filters), _IDS: renamed}
    return model
