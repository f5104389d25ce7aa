"""The base of every pydantic model here: an immutable value that refuses keys and types which it does not declare."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Schemas are built when a model is first used, and values are written under the names that a person writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True, serialize_by_alias=True)
