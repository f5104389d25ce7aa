"""GPU memory of one served model: header facts and serving flags in, a breakdown in MiB out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plan.cards import Card
from plan.gguf_facts import GgufFacts

Source = Literal["derived", "measured", "bound"]
MIB = 2**20


class VramError(ValueError):
    """The memory of this model cannot be told; the text says why, and what would help, without a full stop."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How llama-server serves a model: `context` in tokens of all slots together, `ubatch` in tokens.

    `build` is llama.cpp's number, the 10524 of b10524; None when nothing tells it.
    """

    context: int
    kv_type: str = "f16"
    parallel: int = 1
    ubatch: int = 512
    image_max_tokens: int = 1024
    build: int | None = None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Where the memory goes, MiB. `upper_mib` is what a budget counts with; `source` is the weakest of the parts'."""

    weights_mib: float
    kv_mib: float
    state_mib: float
    compute_mib: float
    mmproj_weights_mib: float
    mmproj_compute_mib: float
    context_mib: float
    upper_mib: float
    source: Source
    notes: tuple[str, ...] = ()

    @property
    def total_mib(self) -> float:
        return (
            self.weights_mib
            + self.kv_mib
            + self.state_mib
            + self.compute_mib
            + self.mmproj_weights_mib
            + self.mmproj_compute_mib
            + self.context_mib
        )


def estimate(facts: GgufFacts, sizes: Mapping[str, int], serving: Serving, card: Card) -> Breakdown:
    """What a llama-server of its own with every layer on the card takes; `sizes` are a model's file bytes by role.

    Raises VramError for an architecture, a projector or facts of which nothing can be told.
    """
    shape, weights = facts.shape, facts.weights
    if weights is None or not isinstance(shape.head_count_kv, int):
        raise VramError("its lock has no facts to compute from")
    layers, width, inner = shape.block_count or 0, shape.embedding_length or 0, shape.feed_forward_length or 0
    head = (shape.key_length or 0) + (shape.value_length or 0)
    cells = -(-serving.context // 256) * 256
    kv = layers * cells * shape.head_count_kv * head * 2
    compute = 4 * serving.ubatch * (3 * int(inner if isinstance(inner, int) else 0) + 3 * width)
    compute += 2 * serving.ubatch * cells
    gpu = weights.gpu_bytes + weights.tied_bytes
    projector = sizes.get("mmproj", 0)
    exact = (gpu + kv + projector) / MIB
    return Breakdown(
        weights_mib=gpu / MIB,
        kv_mib=kv / MIB,
        state_mib=0.0,
        compute_mib=compute / MIB,
        mmproj_weights_mib=projector / MIB,
        mmproj_compute_mib=180.0 if projector else 0.0,
        context_mib=card.context_mib,
        upper_mib=exact + 1.05 * (compute / MIB + (180.0 if projector else 0.0)) + card.context_upper_mib,
        source="derived",
    )
