"""Facts of a lock's entry that cannot be true of its files: another model's header, a zero, a list of another length.

Only what llama.cpp itself refuses or what arithmetic excludes: a fact that is merely odd is an estimate's business.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

from plan.models.architectures import ARCHITECTURES
from plan.models.ggml_types import BLOCKS, Block
from plan.models.gguf_facts import GgufFacts, Projector, Shape, Weights

LONGEST_HEADER = 64 << 20  # bytes; what a file has beside its tensors, the space between them included
# Of every model, and of those whose architecture we know: some others have no attention and say 0 heads.
_ABOVE_0 = ("context_length", "block_count", "embedding_length", "vocab_size")
_ABOVE_0_OF_KNOWN = ("feed_forward_length", "head_count", "head_count_kv", "key_length", "value_length")
# projection_dim is 0 in projectors of MiniCPM-V (llama.cpp, tools/mtmd/legacy-models/minicpmv-convert-...).
_ABOVE_0_OF_PROJECTOR = ("weight_bytes", "block_count", "embedding_length", "head_count", "image_size", "patch_size")
# One value per block, or one for all (llama_model_loader::get_key_or_arr, llama.cpp 0.5.0).
_PER_BLOCK = (
    "feed_forward_length", "head_count", "head_count_kv", "expert_feed_forward_length",
    "expert_shared_feed_forward_length",
)  # fmt: skip
_BLOCK_NUMBERS = ("sliding_window_pattern", "recurrent_layers")
_FEWER_THAN_BLOCKS = ("nextn_predict_layers", "shared_kv_layers", "n_deepstack_layers")


class Fault(NamedTuple):
    """`key` below the model's entry, the value there, and in words what it should be, without a full stop."""

    key: str
    got: object
    rule: str


def faults(facts: GgufFacts, bytes_by_role: Mapping[str, int], files: int) -> Iterator[Fault]:
    """What of the facts contradicts the files' sizes or another fact."""
    if facts.weights:
        yield from _of_weights(facts.shape, facts.weights, bytes_by_role.get("model", 0), files)
    yield from _of_shape(facts.shape)
    if facts.projector:
        yield from _of_projector(facts.projector, bytes_by_role.get("mmproj", 0))
    if facts.allocator:
        yield from (Fault(f"gguf.allocator.{key}", got, rule) for key, got, rule in facts.allocator.faults())


def _of_weights(shape: Shape, weights: Weights, size: int, files: int) -> Iterator[Fault]:
    tensors = weights.gpu_bytes + weights.input_bytes + weights.nextn_bytes
    if not 0 <= size - tensors <= files * LONGEST_HEADER:
        yield Fault("gguf.weights", tensors, f"So many bytes of tensors are not in a file of {size} bytes")
    if weights.tied_bytes > weights.input_bytes:
        key, rule = "gguf.weights.tied_bytes", f"It is part of input_bytes, which is {weights.input_bytes}"
        yield Fault(key, weights.tied_bytes, rule)
    yield from _of_experts(shape, weights)
    if shape.architecture in ARCHITECTURES and not _is_table(weights.input_bytes, shape):
        rule = f"No table of {shape.vocab_size} tokens and {shape.embedding_length} numbers each has so many bytes"
        yield Fault("gguf.weights.input_bytes", weights.input_bytes, rule)


def _of_experts(shape: Shape, weights: Weights) -> Iterator[Fault]:
    key, blocks = "gguf.weights.expert_bytes", weights.expert_bytes
    if shape.block_count is not None and len(blocks) > shape.block_count:
        yield Fault(key, len(blocks), f"There are {shape.block_count} blocks")
    if sum(blocks) > weights.gpu_bytes:
        yield Fault(key, sum(blocks), f"It is part of gpu_bytes, which is {weights.gpu_bytes}")
    if (most := weights.expert_matrix_bytes) > max(blocks, default=0) or (blocks and not most):
        rule = f"It is one of the tensors of a block, which has up to {max(blocks, default=0)} bytes of them"
        yield Fault("gguf.weights.expert_matrix_bytes", most, rule)


def _is_table(size: int, shape: Shape) -> bool:
    """Whether token_embd.weight, all that these architectures look up on the CPU, can have this size in some type."""
    tokens, width = shape.vocab_size, shape.embedding_length
    if not tokens or not width:
        return True
    rows = (divmod(size, width // block.elements * block.size_bytes) for block in _blocks(width))
    # The key vocab_size and the rows of the table differ by a few added tokens in some files.
    return any(not rest and abs(count - tokens) * 50 <= tokens for count, rest in rows)


def _blocks(width: int) -> Iterator[Block]:
    return (block for block in BLOCKS.values() if width % block.elements == 0)


def _of_shape(shape: Shape) -> Iterator[Fault]:
    known = shape.architecture in ARCHITECTURES
    yield from _zeros("gguf.shape", shape, (*_ABOVE_0, *(_ABOVE_0_OF_KNOWN if known else ())))
    yield from _of_blocks(shape)
    yield from _of_heads(shape)
    if shape.expert_count is not None and not (shape.expert_used_count or 0) <= shape.expert_count:
        key, rule = "gguf.shape.expert_used_count", f"It is at most expert_count, which is {shape.expert_count}"
        yield Fault(key, shape.expert_used_count, rule)
    if shape.expert_count and shape.expert_used_count == 0:
        yield Fault("gguf.shape.expert_used_count", 0, "A model with experts uses at least one of them")


def _of_blocks(shape: Shape) -> Iterator[Fault]:
    blocks = shape.block_count
    if not blocks:
        return
    for name in _PER_BLOCK:
        value = _list(shape, name)
        if value is not None and len(value) != blocks:
            yield Fault(f"gguf.shape.{name}", len(value), f"A list has a value for each of the {blocks} blocks")
    for name in _BLOCK_NUMBERS:
        value = _list(shape, name)
        if value is not None and any(number >= blocks for number in value):
            yield Fault(f"gguf.shape.{name}", max(value), f"There are {blocks} blocks, counted from 0")
    for name in _FEWER_THAN_BLOCKS:
        if (value := getattr(shape, name)) is not None and value >= blocks:
            yield Fault(f"gguf.shape.{name}", value, f"It is less than block_count, which is {blocks}")


def _of_heads(shape: Shape) -> Iterator[Fault]:
    heads, groups = shape.head_count, shape.head_count_kv
    if isinstance(heads, int) and isinstance(groups, int) and groups and heads % groups:
        yield Fault("gguf.shape.head_count", heads, f"It is a multiple of head_count_kv, which is {groups}")
    if shape.key_length is None and isinstance(heads, int) and heads and (shape.embedding_length or 0) % heads:
        rule = f"Without key_length it is a multiple of head_count, which is {heads}"
        yield Fault("gguf.shape.embedding_length", shape.embedding_length, rule)


def _of_projector(projector: Projector, size: int) -> Iterator[Fault]:
    if not size:
        yield Fault("gguf.projector", projector.projector_type, "The entry has no file of a vision projector")
        return
    yield from _zeros("gguf.projector", projector, _ABOVE_0_OF_PROJECTOR)
    if projector.weight_bytes and not 0 <= size - projector.weight_bytes <= LONGEST_HEADER:
        rule = f"So many bytes of tensors are not in a file of {size} bytes"
        yield Fault("gguf.projector.weight_bytes", projector.weight_bytes, rule)
    if projector.block_count and any(number >= projector.block_count for number in projector.is_deepstack_layers or ()):
        key, rule = "gguf.projector.is_deepstack_layers", f"There are {projector.block_count} blocks, counted from 0"
        yield Fault(key, projector.is_deepstack_layers, rule)
    if projector.head_count and (projector.embedding_length or 0) % projector.head_count:
        rule = f"It is a multiple of head_count, which is {projector.head_count}"
        yield Fault("gguf.projector.embedding_length", projector.embedding_length, rule)
    if projector.patch_size and projector.image_size and projector.image_size < projector.patch_size:
        rule = f"An image is at least one patch, and patch_size is {projector.patch_size}"
        yield Fault("gguf.projector.image_size", projector.image_size, rule)


def _zeros(where: str, group: Shape | Projector, names: tuple[str, ...]) -> Iterator[Fault]:
    for name in names:
        value: object = getattr(group, name)
        if value == 0 or ((several := _list(group, name)) and not any(several)):
            yield Fault(f"{where}.{name}", value, "It is more than 0")


def _list(group: Shape | Projector, name: str) -> tuple[int, ...] | None:
    """A fact that may be one value or several; None where it is not several."""
    value: object = getattr(group, name)
    return cast("tuple[int, ...]", value) if isinstance(value, tuple) else None
