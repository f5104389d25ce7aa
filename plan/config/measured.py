"""Measurements of a model's GPU memory, which `python -m ops calibrate` writes."""

from typing import Annotated, Literal

from pydantic import Field

from plan.base.day import Day
from plan.base.frozen import Frozen

Positive = Annotated[int, Field(gt=0)]


class Measured(Frozen):
    """One measurement: `mib` of the card that one llama-server process held, its CUDA context with it.

    `image_max_tokens` is of the largest image that was sent, and None when no projector was loaded. `build` is
    llama.cpp's number (the 10524 of b10524), where known. `tokens_s`: tokens a second that it answered with, which is
    what a quantized cache on an old card has to prove.
    """

    mib: Positive
    total_tokens: Positive = Field(alias="context", description="Tokens of all slots together, as they were served")
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    parallel: Positive = 1
    ubatch: Positive = 512
    image_max_tokens: Positive | None = None
    build: Positive | None = None
    tokens_s: Annotated[float, Field(gt=0)] | None = None
    date: Day
