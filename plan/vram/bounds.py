"""Bounds for lengths of a model that the lock does not record, from the bytes of its weights."""

from typing import NamedTuple

from plan.models.gguf_facts import Shape, Weights
from plan.vram.types import VramError

# Bits a weight of the types that llama-quantize mixes into a quantization, least and most (ggml-common.h): Q8_0 stands
# in for Q6_K where a row is not a multiple of the block. A name that is not here may be any type, down to IQ1_S.
_BITS = {
    "Q4_K_S": (4.5, 8.5),
    "Q4_K_M": (4.5, 8.5),
    "Q5_K_S": (5.5, 8.5),
    "Q5_K_M": (5.5, 8.5),
    "Q6_K": (6.5625, 8.5),
    "Q8_0": (8.5, 8.5),
    "BF16": (16, 32),
    "F16": (16, 32),
}
_ANY = (1.5, 32)
_BOUNDED = ("feed_forward_length", "head_count")


class Bounded(NamedTuple):
    """A shape whose `missing` lengths are filled in for the most memory, and for the least, that it can take."""

    most: Shape
    least: Shape
    missing: tuple[str, ...]


def bounded(shape: Shape, weights: Weights, quant: str) -> Bounded:
    """The shape with bounds for the lengths that its facts lack; raises VramError when too few are known.

    A length that a header lacks is not in the file: plan/vram/layers.py knows llama.cpp's default, or refuses.
    """
    missing = tuple(name for name in _BOUNDED if getattr(shape, name) is None)
    if not missing or shape.source == "header":
        return Bounded(shape, shape, ())
    heads, inner = shape.head_count, shape.feed_forward_length
    if isinstance(heads, tuple) or isinstance(inner, tuple):
        raise VramError(f"its facts lack {' and '.join(missing)}, and the other differs from layer to layer")
    bits, most_bits = _BITS.get(quant, _ANY)
    layer = _Layer(shape, weights, missing)
    most = layer.filled(heads, inner, bits, layer.key_heads if inner is None else layer.most_heads(inner, bits))
    return Bounded(most, layer.filled(heads, inner, most_bits, layer.key_heads), missing)


class _Layer:
    """Elements of a layer: queries and what maps attention back, keys, values, three matrices of the network."""

    def __init__(self, shape: Shape, weights: Weights, missing: tuple[str, ...]) -> None:
        layers, width, head, key_heads = (
            shape.block_count,
            shape.embedding_length,
            shape.key_length,
            shape.head_count_kv,
        )
        if not (layers and width and head and isinstance(key_heads, int)) or shape.expert_count:
            raise VramError(f"its facts lack {' and '.join(missing)}, and what would bound them")
        self.shape, self.width, self.head, self.key_heads = shape, width, head, key_heads
        self.bits = weights.gpu_bytes * 8 / layers
        self.keys_and_values = width * key_heads * (head + (shape.value_length or head))

    def filled(self, heads: int | None, inner: int | None, bits: float, bound_heads: int) -> Shape:
        """The shape with what is missing, if its layers have weights of that many bits each."""
        heads = bound_heads if heads is None else heads
        if inner is None:
            # More query heads mean a narrower network in the same bytes, and less memory: the fewest bound both.
            left = self.bits / bits - self.keys_and_values - 2 * self.width * heads * self.head
            inner = max(0, int(left) // (3 * self.width))
        return self.shape.model_copy(update={"head_count": heads, "feed_forward_length": inner})

    def most_heads(self, inner: int, bits: float) -> int:
        left = self.bits / bits - self.keys_and_values - 3 * self.width * inner
        # Narrow queries may leave another copy of the residual stream without a hole; twice the width covers that.
        return max(self.key_heads, int(left / (2 * self.width * self.head)), 2 * self.width // self.head)
