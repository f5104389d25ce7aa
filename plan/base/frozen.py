"""The base of every pydantic model here: an immutable value that refuses keys and types which it does not declare."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


class Frozen(BaseModel):
    """Schemas are built when a model is first used, and values are written under the names that a person writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True, serialize_by_alias=True)


def example(**keys: Any) -> dict[str, Any]:
    """What a mapping looks like, for its class's `json_schema_extra`: editors show it, and so does an error."""
    return {"examples": [keys]}


def wrong(rule: str, got: object, *path: str | int) -> ValidationError:
    """What the validator of a whole mapping raises about the value at a key within it; `rule` as a ValueError has it.

    A ValueError there would be told at the mapping, with all that is in it.
    """
    kind = PydanticCustomError("rule", "{rule}", {"rule": rule})
    return ValidationError.from_exception_data("", [InitErrorDetails(type=kind, loc=path, input=got)])
