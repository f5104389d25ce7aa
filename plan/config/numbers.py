"""Whole numbers of the configuration. Each has a largest value, from whoever has to hold it."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from plan.kubernetes.limits import ID_MAX, INT32_MAX, MIB_MAX

Mib = Annotated[int, Field(gt=0, le=MIB_MAX)]
MibOrZero = Annotated[int, Field(ge=0, le=MIB_MAX)]
Gib = Annotated[int, Field(gt=0, le=MIB_MAX // 1024)]
# Root is refused by every pod's security context.
NonRoot = Annotated[int, Field(gt=0, le=ID_MAX)]
# llama.cpp reads --ctx-size, --ubatch-size, --image-max-tokens and the like as int32 (common/arg.cpp).
Tokens = Annotated[int, Field(gt=0, le=INT32_MAX)]
Requests = Annotated[int, Field(gt=0, le=256)]  # LLAMA_MAX_SEQ, src/llama-cparams.h: more slots do not start
Build = Annotated[int, Field(gt=0, le=10**6)]  # 11312 in 2026, and some five thousand more each year
# Both engines count idle time in an int, llama-server's has 32 bits.
IdleSeconds = Annotated[int, Field(ge=1, le=INT32_MAX, description="Unload a model after this many idle seconds")]
# Less than ten seconds no pod needs to start; the upper end is Kubernetes'.
Deadline = Annotated[int, Field(ge=10, le=INT32_MAX)]
LAYERS_MAX = 512  # LLAMA_MAX_LAYERS, src/llama-hparams.h
Layers = Annotated[int, Field(gt=0, le=LAYERS_MAX)]


def _layers(value: object) -> object:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAYERS_MAX):
        return value
    raise ValueError(f"write a number of its first layers, from 1 to {LAYERS_MAX}, or all")


# Validated by hand: a union's members would each add a line to the error.
ExpertLayers = Annotated[int | Literal["all"], PlainValidator(_layers, json_schema_input_type=Layers | Literal["all"])]


def expert_layers(said: int | Literal["all"] | None) -> int:
    """The number of layers; of `all` it is the most that a model can have, of None it is 0."""
    return LAYERS_MAX if said == "all" else said or 0
