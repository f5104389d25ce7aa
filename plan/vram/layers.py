"""A model's lengths as llama.cpp has them after reading the keys: one value a layer, defaults filled in.

Source: llama.cpp b11312, src/llama-model.cpp (load_hparams), src/llama-hparams.cpp and src/models/*.cpp.
"""

from dataclasses import dataclass

from plan.models.gguf_facts import Shape
from plan.vram.types import VramError

# What tests/oracle tries against llama.cpp's own allocator. Others have caches and graphs of their own.
ARCHITECTURES = ("gemma3", "granite", "llama", "qwen2", "qwen3", "qwen35", "qwen3moe", "qwen3vl")
_GEMMA3_PATTERN = 6  # every 6th layer looks at the whole context; src/models/gemma3.cpp
_QWEN35_INTERVAL = 4  # every 4th layer has a cache, the others a state; src/models/qwen35.cpp


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

    architecture: str
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
    if shape.architecture not in ARCHITECTURES:
        raise VramError(
            f"architecture {shape.architecture} is none of those whose memory is known ({', '.join(ARCHITECTURES)}), "
            "so it needs a `measured:` value"
        )
    blocks = _needed(shape, "block_count") - (shape.nextn_predict_layers or 0)
    heads = _per_layer(shape, "head_count", blocks)
    width = _needed(shape, "embedding_length")
    window = shape.sliding_window or 0 if shape.architecture == "gemma3" else 0
    hybrid = shape.architecture == "qwen35"
    groups = 2 * _needed(shape, "group_count") * _needed(shape, "state_size") if hybrid else 0
    layers = _layers(shape, blocks, heads, window)
    return Lengths(
        architecture=shape.architecture,
        layers=layers,
        width=width,
        inner=max(_per_layer(shape, "feed_forward_length", blocks)),
        query=max(heads) * _head(shape, "key_length", width, heads),
        vocabulary=_needed(shape, "vocab_size"),
        sliding_window=window,
        deepstack=shape.n_deepstack_layers or 0 if shape.architecture == "qwen3vl" else 0,
        experts=_experts(shape, blocks),
        conv_kernel=_needed(shape, "conv_kernel") if hybrid else 0,
        conv=_needed(shape, "inner_size") + groups if hybrid else 0,
        state=_needed(shape, "state_size") * _needed(shape, "inner_size") if hybrid else 0,
    )


def _layers(shape: Shape, blocks: int, heads: tuple[int, ...], window: int) -> tuple[Layer, ...]:
    key_heads = heads if shape.head_count_kv is None else _per_layer(shape, "head_count_kv", blocks)
    width = _needed(shape, "embedding_length")
    key, value = (_head(shape, name, width, heads) for name in ("key_length", "value_length"))
    swa, recurrent = _swa(shape, blocks) if window else (), _recurrent(shape, blocks)
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
    return width // heads[0] if length is None else length


def _swa(shape: Shape, blocks: int) -> tuple[int, ...]:
    pattern = shape.sliding_window_pattern
    if isinstance(pattern, tuple):
        return pattern
    every = _GEMMA3_PATTERN if pattern is None else pattern
    return tuple(number for number in range(blocks) if not every or number % every < every - 1)


def _recurrent(shape: Shape, blocks: int) -> tuple[int, ...]:
    if shape.architecture != "qwen35":
        return ()
    every = shape.full_attention_interval or _QWEN35_INTERVAL
    every_other = tuple(number for number in range(blocks) if (number + 1) % every)
    return every_other if shape.recurrent_layers is None else shape.recurrent_layers


def _experts(shape: Shape, blocks: int) -> tuple[int, int, int]:
    if not shape.expert_count:
        return 0, 0, 0
    used = _needed(shape, "expert_used_count")
    if shape.expert_feed_forward_length:
        return shape.expert_count, used, max(_per_layer(shape, "expert_feed_forward_length", blocks))
    inner = max(_per_layer(shape, "feed_forward_length", blocks))
    return shape.expert_count, used, inner // used if shape.architecture == "qwen3moe" else inner


def _per_layer(shape: Shape, name: str, blocks: int) -> tuple[int, ...]:
    value: int | tuple[int, ...] | None = getattr(shape, name)
    if value is None or blocks < 1:
        raise VramError(f"its facts lack {name if value is None else 'block_count'}")
    if isinstance(value, int):
        return (value,) * blocks
    if len(value) < blocks:
        raise VramError(f"its {name} has {len(value)} values for {blocks} layers")
    return value[:blocks]


def _needed(shape: Shape, name: str) -> int:
    value: int | None = getattr(shape, name)
    if value is None:
        raise VramError(f"its facts lack {name}")
    return value
