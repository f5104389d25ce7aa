"""Lengths that nobody told of a model, bounded by the bytes of its weights."""

from typing import NamedTuple

from plan.gguf_facts import Shape, Weights
from plan.vram_types import VramError

# Bits a weight of the types that llama-quantize mixes into a quantization, least and most (ggml-common.h). Of a name
# that is not here: any type there is, the smallest being IQ1_S.
_BITS = {
    "Q4_K_S": (4.5, 6.5625),
    "Q4_K_M": (4.5, 6.5625),
    "Q5_K_S": (5.5, 6.5625),
    "Q5_K_M": (5.5, 6.5625),
    "Q6_K": (6.5625, 6.5625),
    "Q8_0": (8.5, 8.5),
    "BF16": (16, 32),
    "F16": (16, 32),
}
_ANY = (1.5, 32)
_BOUNDED = ("feed_forward_length", "head_count")


class Bounded(NamedTuple):
    """A shape with the `missing` filled in so that its memory is the most, and so that it is the least it can be."""

    most: Shape
    least: Shape
    missing: tuple[str, ...]


def bounded(shape: Shape, weights: Weights, quant: str) -> Bounded:
    """The shape as it is, or with the lengths that no published fact tells; raises VramError when too few are told.

    A header that lacks a length has none: that is for plan/vram_layers.py to judge. More query heads mean a narrower
    feed-forward network in the same bytes, and less memory; so the fewest heads there can be bound both.
    """
    missing = tuple(name for name in _BOUNDED if getattr(shape, name) is None)
    if not missing or shape.source == "header":
        return Bounded(shape, shape, ())
    layers, width, head = shape.block_count, shape.embedding_length, shape.key_length
    key_heads = shape.head_count_kv
    if not (layers and width and head and isinstance(key_heads, int)) or shape.expert_count:
        raise VramError(f"its facts lack {' and '.join(missing)}, and what would bound them")
    heads = shape.head_count if isinstance(shape.head_count, int) else key_heads
    bits, most_bits = _BITS.get(quant, _ANY)
    # Of a layer: queries and what maps attention back, keys, values, and the three matrices of the network.
    attention = 2 * width * heads * head + width * key_heads * (head + (shape.value_length or head))
    per_layer = weights.gpu_bytes * 8 / layers

    def filled(bits: float) -> Shape:
        inner = max(0, int((per_layer / bits - attention) / (3 * width)))
        return shape.model_copy(update={"head_count": heads, "feed_forward_length": shape.feed_forward_length or inner})

    return Bounded(filled(bits), filled(most_bits), missing)
