"""Measurements of a model's GPU memory, which `bin/local-llm calibrate` writes."""

from typing import Annotated, Literal

from pydantic import Field

from plan.base.day import Day
from plan.base.frozen import Frozen, example
from plan.config.numbers import Build, ExpertLayers, Mib, Requests, Tokens


class Measured(Frozen, json_schema_extra=example(mib=6900, context=8192, date="2026-10-01")):
    """One measurement: `mib` of the card that one llama-server process held, its CUDA context with it.

    A quantized cache on an old card has to prove by `tokens_s` that it is usable.
    """

    mib: Annotated[Mib, Field(description="MiB that one llama-server process held, CUDA context included")]
    total_tokens: Tokens = Field(alias="context", description="Tokens of all slots together, as they were served")
    kv_type: Annotated[Literal["f16", "q8_0", "q4_0"], Field(description="Number format of the KV cache")] = "f16"
    parallel: Annotated[Requests, Field(description="Requests at a time")] = 1
    kv_unified: Annotated[bool, Field(description="Whether requests shared one cache")] = False
    ubatch: Annotated[Tokens, Field(description="Tokens of a prompt computed at once")] = 512
    cpu_moe: Annotated[ExpertLayers | None, Field(description="Layers whose experts were not on the card")] = None
    image_max_tokens: Annotated[
        Tokens | None, Field(description="Tokens of the largest image that was sent; none without a projector")
    ] = None
    drafted: Annotated[
        int, Field(ge=0, le=1024, description="Tokens drafted at a time; 0 without `draft` and `mtp`")
    ] = 0
    build: Annotated[Build | None, Field(description="llama.cpp's number, the 10524 of b10524")] = None
    tokens_s: Annotated[
        float | None,
        # No card answers one request with a million tokens a second.
        Field(gt=0, le=10**6, allow_inf_nan=False, description="Tokens a second that it answered with"),
    ] = None
    date: Annotated[Day, Field(description="Day of the measurement")]
