"""The keys of a stack's configuration as Markdown, from its JSON Schema: types, defaults, meanings."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from plan import config
from plan.base.schema import Schema, of_any_key, resolved

_REQUIRED, _MACHINE, _NONE = "required", "of the machine", "none"
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its path below `local-llm:stack`, what it may hold, its default as YAML, and what it means."""

    path: str
    kind: str
    default: str
    meaning: str


def summary() -> str:
    """A row for each key at the top, which lists the keys right below it with their defaults."""
    root, definitions = _schema()
    rows = ["| key | meaning | its keys |", "|---|---|---|"]
    for name in sorted(root["properties"], key=lambda name: (name not in root["required"], name)):
        part = resolved(root["properties"][name], definitions)
        entry = resolved(of_any_key(part), definitions)
        shown = f"`{name}.<id>`" if entry else f"`{name}`"
        keys = ", ".join(_short(key) for key in _keys(entry or part, definitions, ""))
        rows.append(f"| {shown} | {_cell(_meaning(root['properties'][name], entry or part))} | {keys} |")
    return "\n".join(rows) + "\n"


def reference() -> str:
    """A row for every key there is."""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in every_key():
        default = key.default if key.default in (_REQUIRED, _MACHINE, _NONE) else f"`{key.default}`"
        rows.append(f"| `{key.path}` | {key.kind} | {default} | {_cell(key.meaning)} |")
    return "\n".join(rows) + "\n"


def every_key() -> Iterator[Key]:
    """Every key, each mapping before the keys below it."""
    root, definitions = _schema()
    return _keys(root, definitions, "", deep=True)


def _schema() -> tuple[Schema, dict[str, Schema]]:
    whole = json.loads(config.json_schema())
    return whole["properties"]["config"]["properties"][config.KEY], whole["$defs"]


def _keys(part: Schema, definitions: dict[str, Schema], above: str, *, deep: bool = False) -> Iterator[Key]:
    for name, raw in part.get("properties", {}).items():
        value, path = resolved(raw, definitions), f"{above}{name}"
        yield Key(path, _kind(value), _default(name, raw, part.get("required", [])), _meaning(raw, value))
        if deep:
            for below, suffix in (
                (value, ""),
                (of_any_key(value), ".<name>"),
                (value.get("items"), "[]"),
            ):
                if below:
                    yield from _keys(resolved(below, definitions), definitions, f"{path}{suffix}.", deep=True)


def _meaning(raw: Schema, value: Schema) -> str:
    return raw.get("description") or value.get("description", "")


def _kind(value: Schema) -> str:
    if "enum" in value:
        return " or ".join(f"`{choice}`" for choice in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if "anyOf" in value:
        choices = [choice for choice in value["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(_kind(choice) for choice in choices))
    bounds = [f"{sign} {value[bound]}" for bound, sign in _BOUNDS.items() if bound in value]
    kind = value.get("format") or value.get("type", "object")
    return " ".join(["mapping" if kind == "object" else "list" if kind == "array" else kind, *bounds])


def _default(name: str, raw: Schema, required: list[str]) -> str:
    if name in config.MACHINE_FACTS and "default" not in raw:
        return _MACHINE
    return _REQUIRED if name in required else _yaml(raw.get("default"))


def _yaml(value: Any) -> str:
    if isinstance(value, dict):
        value = cast("Schema", value)
        return "{" + ", ".join(f"{key}: {_yaml(it)}" for key, it in value.items() if it not in (None, {}, [])) + "}"
    return _NONE if value is None else value if isinstance(value, str) else json.dumps(value)


def _short(key: Key) -> str:
    if key.default in (_REQUIRED, _MACHINE):
        return f"**`{key.path}`**" if key.default == _REQUIRED else f"`{key.path}`"
    return f"`{key.path}`" if key.default in (_NONE, "{}", "[]") else f"`{key.path}: {key.default}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
