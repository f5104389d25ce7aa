"""A model's lengths as llama.cpp has them after reading the keys: one value a layer, defaults filled in.

Source: llama.cpp b11312, src/llama-model.cpp (load_hparams), src/llama-hparams.cpp and src/models/*.cpp.
"""

from dataclasses import dataclass

from plan.models.architectures import ARCHITECTURES, COMPUTED, Architecture
from plan.models.gguf_facts import Shape
from plan.vram.types import VramError


@dataclass(frozen=True, slots=True)
class Layer:
    """One block: elements of a token's keys and values in the cache, and what kind of memory it has."""

    key: int
    value: int
    swa: bool = False
    recurrent: bool = False


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths in elements; `query` and `key_value` are of the widest layer, `conv` and `state` of one recurrent layer.

    `experts` are (all, used of a token, inner length of one); (0, 0, 0) where the feed-forward is dense.
    """

    gated: bool
    layers: tuple[Layer, ...]
    width: int
    inner: int
    query: int
    vocabulary: int
    sliding_window: int
    deepstack: int
    experts: tuple[int, int, int]
    conv_kernel: int
    conv: int
    state: int

    @property
    def key_value(self) -> int:
        return max(layer.key + layer.value for layer in self.layers)


def lengths(shape: Shape) -> Lengths:
    """The lengths of a shape, or VramError when it is of another architecture or lacks a key that has no default."""
    row = ARCHITECTURES.get(shape.architecture)
    if row is None or not row.computed:
        raise VramError(
            f"the memory of architecture {shape.architecture} is not known (known are {', '.join(COMPUTED)}), "
            "so it needs a `measured:` value"
        )
    blocks = _needed(shape, "block_count") - (shape.nextn_predict_layers or 0)
    heads = _per_layer(shape, "head_count", blocks)
    if not any(heads):
        raise VramError("its head_count is 0")
    width = _needed(shape, "embedding_length")
    window = shape.sliding_window or 0 if row.window_every else 0
    hybrid = bool(row.cache_every)
    groups = 2 * _needed(shape, "group_count") * _needed(shape, "state_size") if hybrid else 0
    layers = _layers(shape, row, blocks, heads)
    return Lengths(
        gated=row.gated_attention,
        layers=layers,
        width=width,
        inner=max(_per_layer(shape, "feed_forward_length", blocks)),
        query=max(heads) * _head(shape, "key_length", width, heads),
        vocabulary=_needed(shape, "vocab_size"),
        sliding_window=window,
        deepstack=shape.n_deepstack_layers or 0 if row.deepstack else 0,
        experts=_experts(shape, row, blocks),
        conv_kernel=_needed(shape, "conv_kernel") if hybrid else 0,
        conv=_needed(shape, "inner_size") + groups if hybrid else 0,
        state=_needed(shape, "state_size") * _needed(shape, "inner_size") if hybrid else 0,
    )


def _layers(shape: Shape, row: Architecture, blocks: int, heads: tuple[int, ...]) -> tuple[Layer, ...]:
    key_heads = heads if shape.head_count_kv is None else _per_layer(shape, "head_count_kv", blocks)
    width = _needed(shape, "embedding_length")
    key, value = (_head(shape, name, width, heads) for name in ("key_length", "value_length"))
    swa, recurrent = _swa(shape, row, blocks), _recurrent(shape, row, blocks)
    return tuple(
        Layer(0, 0, recurrent=True)
        if number in recurrent
        else Layer(
            count * ((shape.key_length_swa or key) if number in swa else key),
            count * ((shape.value_length_swa or value) if number in swa else value),
            swa=number in swa,
        )
        for number, count in enumerate(key_heads)
    )


def _head(shape: Shape, name: str, width: int, heads: tuple[int, ...]) -> int:
    length: int | None = getattr(shape, name)
    if length is None and shape.source != "header":
        raise VramError(f"its lock lacks {name}, and nothing says that its file has none")
    if length is None and not heads[0]:
        raise VramError(f"it has no {name}, and no head_count in its first layer that would give it")
    return width // heads[0] if length is None else length


def _swa(shape: Shape, row: Architecture, blocks: int) -> tuple[int, ...]:
    if not (row.window_every and shape.sliding_window):
        return ()
    pattern = shape.sliding_window_pattern
    if isinstance(pattern, tuple):
        return pattern
    every = row.window_every if pattern is None else pattern
    return tuple(number for number in range(blocks) if not every or number % every < every - 1)


def _recurrent(shape: Shape, row: Architecture, blocks: int) -> tuple[int, ...]:
    if not row.cache_every:
        return ()
    every = shape.full_attention_interval or row.cache_every
    every_other = tuple(number for number in range(blocks) if (number + 1) % every)
    return every_other if shape.recurrent_layers is None else shape.recurrent_layers


def _experts(shape: Shape, row: Architecture, blocks: int) -> tuple[int, int, int]:
    if not shape.expert_count:
        return 0, 0, 0
    used = _needed(shape, "expert_used_count")
    if shape.expert_feed_forward_length:
        return shape.expert_count, used, max(_per_layer(shape, "expert_feed_forward_length", blocks))
    inner = max(_per_layer(shape, "feed_forward_length", blocks))
    return shape.expert_count, used, inner // used if row.inner_of_all_experts else inner


def _per_layer(shape: Shape, name: str, blocks: int) -> tuple[int, ...]:
    value: int | tuple[int, ...] | None = getattr(shape, name)
    if value is None or blocks < 1:
        raise VramError(f"its facts lack {name if value is None else 'block_count'}")
    values = (value,) * blocks if isinstance(value, int) else value[:blocks]
    if len(values) < blocks:
        raise VramError(f"its {name} has {len(values)} values for {blocks} layers")
    return values


def _needed(shape: Shape, name: str) -> int:
    value: int | None = getattr(shape, name)
    if not value:
        raise VramError(f"its facts lack {name}" if value is None else f"its {name} is 0")
    return value
