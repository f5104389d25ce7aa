"""Facts about a model's GGUF files, from which its memory is computed, in groups that each say where they come from.

`header`: read from the files themselves, so what is absent is absent there. `published`: printed in public logs and
converters. `derived`: computed from those. A group is as good as the weakest of its facts; the unknown is left out.
A field is named by the last part of its GGUF key (ggml docs/gguf.md). Weights are in bytes from every source: a log's
"4455.34 MiB" has 0.005 MiB of doubt, the sum over the tensors that shape and types give has none.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from plan.base.frozen import Frozen
from plan.base.text_rule import TextRule
from plan.models.allocator.figures import Allocator
from plan.models.architectures import ARCHITECTURES

FactSource = Literal["header", "published", "derived"]
# llama.cpp reads lengths as uint32, and has room for so many layers (LLAMA_MAX_LAYERS, src/llama-hparams.h).
Count = Annotated[int, Field(ge=0, le=2**32 - 1)]
LAYERS_MAX = 512
Architecture = Annotated[
    str, TextRule("[A-Za-z0-9_.-]+", "an architecture is a name of letters, digits, '.', '_' and '-'", 64)
]
# One value per layer, or the layers for which a flag is set.
Layers = Annotated[tuple[Count, ...], Field(strict=False, max_length=LAYERS_MAX)]
Bytes = Annotated[int, Field(ge=0, le=2**50)]  # a PiB
BytesPerBlock = Annotated[tuple[Bytes, ...], Field(strict=False, max_length=LAYERS_MAX)]
TensorType = Annotated[str, TextRule("[A-Z0-9_]+", "a tensor's type is a name of ggml's, such as Q4_K", 16)]


class Shape(Frozen):
    """A model's size by its key-values: lengths in elements, `context_length` as trained, in tokens.

    `file_type` is ggml's number of the quantization; `chat_template`: the file has one, `chat_template_tools`: and that
    one reads `tools`, which a request may name; `chat_template_thinks`: and that one begins an answer with a thought,
    whatever a request says.
    """

    architecture: Architecture
    context_length: Count | None = None
    block_count: Annotated[int, Field(ge=0, le=LAYERS_MAX)] | None = None
    embedding_length: Count | None = None
    feed_forward_length: Count | Layers | None = None
    head_count: Count | Layers | None = None
    head_count_kv: Count | Layers | None = None
    key_length: Count | None = None
    value_length: Count | None = None
    vocab_size: Count | None = None
    n_deepstack_layers: Count | None = None
    nextn_predict_layers: Count | None = None
    sliding_window: Count | None = None
    sliding_window_pattern: Count | Layers | None = None
    key_length_swa: Count | None = None
    value_length_swa: Count | None = None
    shared_kv_layers: Count | None = None
    kv_lora_rank: Count | None = None
    key_length_mla: Count | None = None
    value_length_mla: Count | None = None
    expert_count: Count | None = None
    expert_used_count: Count | None = None
    expert_feed_forward_length: Count | Layers | None = None
    expert_shared_count: Count | None = None
    expert_shared_feed_forward_length: Count | Layers | None = None
    leading_dense_block_count: Count | None = None
    conv_kernel: Count | None = None
    inner_size: Count | None = None
    state_size: Count | None = None
    group_count: Count | None = None
    time_step_rank: Count | None = None
    full_attention_interval: Count | None = None
    recurrent_layers: Layers | None = None
    pooling_type: Count | None = None
    file_type: Count | None = None
    chat_template: bool | None = None
    chat_template_tools: bool | None = None
    chat_template_thinks: bool | None = None
    source: FactSource

    @property
    def calls_tools(self) -> bool | None:
        """Whether the file's template has tools; None where that is not known."""
        return False if self.chat_template is False else self.chat_template_tools


class Weights(Frozen):
    """Bytes of tensors by where llama.cpp puts them, from all parts of a split model.

    `input_bytes` stay on the CPU however many layers are offloaded. `tied_bytes` of them are loaded a second time, to
    the GPU, because the file has no output.weight; 0 where it has. `nextn_bytes` are loaded for speculation only.
    `gpu_bytes` is the rest. `mostly` is ggml's type of most numbers of its blocks, such as Q4_K.
    `expert_bytes` of each of the model's blocks are those of its experts, of gpu_bytes, which `cpu_moe` keeps off the
    card; `expert_matrix_bytes` has the largest single tensor of them. Locks before 2026-11 have neither.
    Source: llama.cpp src/llama-model.cpp and llama-arch.cpp, library 0.5.0.
    """

    gpu_bytes: Annotated[Bytes, Field(gt=0)]
    input_bytes: Bytes
    tied_bytes: Bytes
    nextn_bytes: Bytes = 0
    expert_bytes: BytesPerBlock = ()
    expert_matrix_bytes: Bytes = 0
    mostly: TensorType | None = None
    source: FactSource


class Projector(Frozen):
    """The vision projector's file: `weight_bytes` of tensors, all on the GPU; image and patch in pixels a side.

    `width` is how many numbers it hands the model for each token, those for deeper layers (deepstack) counted.
    Without `has_vision_encoder` it may be one for sound (llama.cpp, tools/mtmd/clip.cpp).
    """

    projector_type: str | None = None
    has_vision_encoder: bool | None = None
    has_audio_encoder: bool | None = None
    weight_bytes: Bytes | None = None
    block_count: Count | None = None
    embedding_length: Count | None = None
    feed_forward_length: Count | None = None
    head_count: Count | None = None
    image_size: Count | None = None
    patch_size: Count | None = None
    spatial_merge_size: Count | None = None
    projection_dim: Count | None = None
    width: Count | None = None
    is_deepstack_layers: Layers | None = None
    scale_factor: Count | None = None
    n_wa_pattern: Count | None = None
    image_max_pixels: Count | None = None
    minicpmv_version: Count | None = None
    minicpmv_query_num: Count | None = None
    source: FactSource


# Without these a model's memory cannot be computed. A header has all of them that its file has.
_SHAPE = (
    "context_length", "block_count", "embedding_length", "feed_forward_length", "head_count", "head_count_kv",
    "key_length", "value_length", "vocab_size",
)  # fmt: skip
_PROJECTOR = (
    "projector_type", "weight_bytes", "block_count", "embedding_length", "feed_forward_length", "head_count",
    "image_size", "patch_size", "projection_dim",
)  # fmt: skip


class GgufFacts(Frozen):
    """The facts of one model. They never enter a generation or a Job: knowing more must not move a byte.

    `allocator` is no group of facts: it was not read from a file, but asked of a llama.cpp that had read its header.
    `draft` are those of the model that drafts for it, which has no projector and no draft of its own.
    """

    shape: Shape
    weights: Weights | None = None
    projector: Projector | None = None
    allocator: Allocator | None = None
    draft: "GgufFacts | None" = None

    @property
    def groups(self) -> dict[str, Shape | Weights | Projector]:
        """The groups there are, by name."""
        found = {"shape": self.shape, "weights": self.weights, "projector": self.projector}
        return {name: group for name, group in found.items() if group is not None}

    def missing(self, has_projector: bool) -> tuple[str, ...]:
        """Facts that memory depends on and that no source gave, as `block_count` or `projector.block_count`."""
        return tuple(self._missing(has_projector))

    def _missing(self, has_projector: bool) -> Iterator[str]:
        row = ARCHITECTURES.get(self.shape.architecture)
        needed = (*_SHAPE, "n_deepstack_layers") if row and row.deepstack else _SHAPE
        if self.shape.source != "header":
            yield from (key for key in needed if getattr(self.shape, key) is None)
        if self.weights is None:
            yield "weights"
        if self.projector is None:
            yield from ["projector"] if has_projector else []
        elif self.projector.source != "header":
            yield from (f"projector.{key}" for key in _PROJECTOR if getattr(self.projector, key) is None)
