"""What a model was measured to take of a card: configuration that `python -m ops calibrate` writes."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from plan.base.day import Day

Positive = Annotated[int, Field(gt=0)]


class Measured(BaseModel):
    """One measurement: `mib` of the card that one llama-server process held, its CUDA context with it.

    `context` in tokens of all slots together, as it was served. `image_max_tokens` is of the largest image that was
    sent, and None when no projector was loaded. `build` is llama.cpp's number (the 10524 of b10524), where known.
    `tokens_s`: tokens a second that it answered with, which is what a quantized cache on an old card has to prove.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    mib: Positive
    context: Positive
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    parallel: Positive = 1
    ubatch: Positive = 512
    image_max_tokens: Positive | None = None
    build: Positive | None = None
    tokens_s: Annotated[float, Field(gt=0)] | None = None
    date: Day
