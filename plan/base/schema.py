"""Finds its way in a JSON Schema as pydantic writes it."""

from collections.abc import Iterable
from typing import Any

from plan.text.writer import flow_text

Schema = dict[str, Any]


def resolved(part: Schema | bool, definitions: dict[str, Schema]) -> Schema:
    """The schema that a reference, or a choice between one thing and null, stands for."""
    if isinstance(part, bool):
        return {}
    choices = [choice for choice in part.get("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        return resolved(choices[0], definitions)
    return definitions[part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part


def of_any_key(mapping: Schema) -> Schema | bool:
    """The schema of what stands under each key of a mapping; {} where only certain keys are allowed."""
    patterns: dict[str, Schema] = mapping.get("patternProperties", {})
    return mapping.get("additionalProperties") or next(iter(patterns.values()), Schema())


def example_at(schema: Schema, path: Iterable[str | int]) -> str:
    """What stands at a key, for example, as YAML on one line; "" where the schema does not say it."""
    definitions: dict[str, Schema] = schema.get("$defs", {})
    part: Schema | bool | None = schema
    for step in path:
        here = resolved(part or {}, definitions)
        part = here.get("items", {}) if isinstance(step, int) else here.get("properties", {}).get(step)
        part = of_any_key(here) if part is None else part
    said = (part if isinstance(part, dict) else {}).get("examples") or resolved(part or {}, definitions).get("examples")
    return flow_text(said[0]) if said else ""
