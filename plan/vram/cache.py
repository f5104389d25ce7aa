"""What a served context takes beside the weights: the cache of keys and values, and the state of recurrent layers.

Exact: tests/oracle finds it equal to llama.cpp b11312 (src/llama-kv-cache.cpp, llama-kv-cache-iswa.cpp,
llama-memory-recurrent.cpp and llama-context.cpp).
"""

from plan.vram.layers import Lengths
from plan.vram.types import Serving, VramError

_PAD = 256
_STATE_BYTES = 4  # f32, whatever --cache-type-k says
# Bytes of a block of so many elements.
_BLOCK = 32
_BLOCK_BYTES = {"f16": 64, "q8_0": 34, "q4_0": 18}


def padded(cells: int) -> int:
    return -(-cells // _PAD) * _PAD


def tokens_at_once(serving: Serving) -> int:
    """Tokens computed at once: at most those of the context, rounded up to as many for each slot."""
    tokens = min(serving.ubatch, serving.total_tokens)
    return -(-tokens // serving.parallel) * serving.parallel


def cells(lengths: Lengths, serving: Serving) -> tuple[int, int]:
    """Cells of one cache in a layer that sees the whole context, and in one that sees a window; 0 without windows.

    The context is divided between the slots and then padded, so that several slots may get more than was asked for; a
    cache that they share has a window for each.
    """
    if serving.total_tokens < 1 or serving.parallel < 1 or serving.ubatch < 1:
        raise VramError("context, parallel and ubatch have to be positive")
    window = lengths.sliding_window
    return slot_cells(serving), window_cells(window, serving) if window else 0


def slot_cells(serving: Serving) -> int:
    """Cells of one cache that holds the whole context: a slot's own, or all slots' where they share one."""
    return padded(padded(serving.total_tokens) // serving.streams)


def window_cells(window: int, serving: Serving) -> int:
    """Cells of one cache that holds a window of so many tokens for each of its slots, and the tokens of a ubatch."""
    windows = window * (serving.parallel // serving.streams)
    return padded(min(slot_cells(serving), windows + min(serving.ubatch, serving.total_tokens)))


def kv_bytes(lengths: Lengths, serving: Serving) -> int:
    """Keys and values of all slots; raises VramError for a type of cache that is not known."""
    whole, window = cells(lengths, serving)
    elements = sum((layer.key + layer.value) * (window if layer.swa else whole) for layer in lengths.layers)
    return element_bytes(elements, serving.kv_type) * serving.streams


def element_bytes(elements: int, kv_type: str) -> int:
    """Bytes of so many keys and values in a cache of a type; raises VramError for one that is not known."""
    if (block := _BLOCK_BYTES.get(kv_type)) is None:
        raise VramError(f"a cache of type {kv_type} is none of {', '.join(_BLOCK_BYTES)}")
    return -(-elements * block // _BLOCK)


def window_bytes(lengths: Lengths, serving: Serving) -> int:
    """The part of `kv_bytes` that is of layers with a window."""
    _, window = cells(lengths, serving)
    elements = sum(layer.key + layer.value for layer in lengths.layers if layer.swa) * window
    return element_bytes(elements, serving.kv_type) * serving.streams


def state_bytes(lengths: Lengths, serving: Serving) -> int:
    """What recurrent layers keep of each slot, at any context, with the copies that drafting needs."""
    layers = sum(layer.recurrent for layer in lengths.layers)
    elements = (lengths.conv_kernel - 1) * lengths.conv + lengths.state if layers else 0
    return layers * elements * _STATE_BYTES * serving.parallel * serving.states
