"""Picks the facts that the lock keeps from a model's headers: about a kilobyte instead of megabytes."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ops.gguf import chat_template, kinds
from ops.gguf.header import Header, HeaderError, Tensor
from plan.models.gguf_facts import GgufFacts, Projector, Shape, Weights
from plan.text.errors import in_words, steps
from plan.text.show import path, plain, show

# llama.cpp keeps these on the CPU, because it only looks rows up in them (LLM_TENSOR_LAYER_INPUT, src/llama-arch.cpp).
_INPUT = ("token_embd.", "token_embd_norm.", "position_embd.", "token_types.", "per_layer_token_embd.")
# What --n-cpu-moe keeps off the card (LLM_FFN_EXPS_REGEX, common/common.h of 0c1e57098): biases and scales as well.
_EXPERTS = re.compile(r"blk\.(\d+)\.ffn_(up|down|gate|gate_up)_(ch)?exps")
# Without output.weight the embedding is loaded twice, but not by those that have no logits (src/models/*.cpp, b11312).
_ENCODERS = (
    "bert", "eurobert", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "nomic-bert", "nomic-bert-moe",
)  # fmt: skip
_TEMPLATE = "tokenizer.chat_template"  # llama.cpp takes its .tool_use for requests with tools (common/chat.cpp)
_FLAGS = ("sliding_window_pattern", "recurrent_layers", "is_deepstack_layers")


def facts(parts: Sequence[Header], projector: Header | None) -> GgufFacts:
    """Facts of a model from the headers of its parts, in order, and of its projector; raises HeaderError."""
    pairs = parts[0].pairs  # llama.cpp reads a split model's keys from its first part
    architecture = kinds.architecture(parts[0])
    shape = _fields(Shape, parts[0], "general", architecture, f"{architecture}.attention", f"{architecture}.ssm")
    shape.setdefault("vocab_size", parts[0].lengths.get("tokenizer.ggml.tokens"))
    shape["source"] = "header"
    shape["chat_template"] = _TEMPLATE in pairs
    if shape["chat_template"]:
        templates = [pairs.get(key) for key in (_TEMPLATE, f"{_TEMPLATE}.tool_use")]
        shape["chat_template_tools"] = any(chat_template.reads(it, "tools") for it in templates)
        shape["chat_template_thinks"] = chat_template.always_thinks(templates[0])
    try:
        return GgufFacts(
            shape=Shape(**shape),
            weights=_weights(
                _tensors(parts),
                shape.get("block_count"),
                shape.get("nextn_predict_layers"),
                encodes=architecture in _ENCODERS,
            ),
            projector=_projector(projector) if projector else None,
        )
    except ValidationError as error:
        first = error.errors()[0]
        rule = in_words(first, "it has to be").removesuffix(", without quotes")  # which a header has nowhere
        raise HeaderError(f"{path(steps(first))} is {show(first['input'])}: {rule}") from None


def _fields(group: type[BaseModel], header: Header, *sections: str) -> dict[str, Any]:
    """The fields of `group` in the header's sections; a flag per layer becomes a list of the layers that set it."""
    found: dict[str, Any] = {}
    for name in group.model_fields:
        keys = [key for section in sections if (key := f"{section}.{name}") in header.pairs]
        if keys:
            value = header.pairs[keys[0]]
            found[name] = _layers(value) if name in _FLAGS and isinstance(value, tuple) else value
    return found


def _layers(flags: Sequence[object]) -> tuple[int, ...]:
    return tuple(number for number, flag in enumerate(flags) if flag)


def _tensors(parts: Sequence[Header]) -> dict[str, Tensor]:
    """The tensors of all parts; raises HeaderError where the parts say that they are not one model.

    llama.cpp refuses the same (llama_model_loader, b10524), some of it after minutes of loading.
    """
    tensors: dict[str, Tensor] = {}
    for number, part in enumerate(parts):
        _require_count(part, "split.count", len(parts))
        if (said := part.pairs.get("split.no", number)) != number:
            what = f"its part {number + 1} of {len(parts)} has split.no {show(said)}, which counts from 0"
            raise HeaderError(f"{what}: parts have each other's names, or are of several models")
        if twice := tensors.keys() & part.tensors.keys():
            raise HeaderError(f"tensor {plain(min(twice))} is in two of its parts")
        tensors |= part.tensors
    _require_count(parts[0], "split.tensors.count", len(tensors))
    if not tensors:
        raise HeaderError("it has no tensors, as a file with a vocabulary alone")
    return tensors


def _require_count(part: Header, key: str, have: int) -> None:
    if (said := part.pairs.get(key, have)) != have:
        raise HeaderError(f"its {key} is {show(said)}, its parts have {have}")


def _weights(tensors: dict[str, Tensor], blocks: Any, nextn: Any, *, encodes: bool) -> Weights:
    inputs = {name: tensor.size_bytes for name, tensor in tensors.items() if name.startswith(_INPUT)}
    first_nextn = blocks - nextn if blocks and nextn else math.inf
    nextn_bytes = sum(tensor.size_bytes for name, tensor in tensors.items() if _block(name) >= first_nextn)
    input_bytes = sum(inputs.values())
    gpu_bytes = sum(tensor.size_bytes for tensor in tensors.values()) - input_bytes - nextn_bytes
    if nextn_bytes and not any(0 <= _block(name) < first_nextn for name in tensors):
        raise HeaderError("it is a drafter: it has blocks for multi-token prediction and none of the model's own")
    return Weights(
        gpu_bytes=gpu_bytes,
        input_bytes=input_bytes,
        tied_bytes=0 if "output.weight" in tensors or encodes else inputs.get("token_embd.weight", 0),
        nextn_bytes=nextn_bytes,
        **_experts(tensors, first_nextn),
        mostly=_mostly(tensors),
        source="header",
    )


def _experts(tensors: dict[str, Tensor], first_nextn: float) -> dict[str, Any]:
    """Bytes of the experts of each block, up to the last that has any, and of the largest of their tensors."""
    found = [(int(match[1]), it.size_bytes) for name, it in tensors.items() if (match := _EXPERTS.match(name))]
    own = [(block, size) for block, size in found if block < first_nextn]
    sizes = Counter[int]()
    for block, size in own:
        sizes[block] += size
    per_block = tuple(sizes[block] for block in range(max(sizes, default=-1) + 1))
    return {"expert_bytes": per_block, "expert_matrix_bytes": max((size for _, size in own), default=0)}


def _block(name: str) -> int:
    match = re.match(r"blk\.(\d+)\.", name)
    return int(match[1]) if match else -1


def _mostly(tensors: dict[str, Tensor]) -> str | None:
    """The type of most numbers of the blocks; those of one dimension are left in F32 in every file."""
    count = Counter[str]()
    for name, tensor in tensors.items():
        count[tensor.type] += math.prod(tensor.shape) if _block(name) >= 0 and len(tensor.shape) > 1 else 0
    kind, numbers = count.most_common(1)[0]
    return kind if numbers else None


def _projector(header: Header) -> Projector:
    kinds.require_projector(header)
    vision = ("clip.vision", "clip.vision.attention", "clip.vision.projector")
    known = _fields(Projector, header, "clip", *vision)
    size = sum(tensor.size_bytes for tensor in header.tensors.values())
    width = kinds.projector_width(header, len(known.get("is_deepstack_layers") or ()))
    known |= {"weight_bytes": size, "width": width, "source": "header"}
    return Projector(**known)
