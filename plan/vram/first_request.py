"""What a process takes of a card at its first requests, beyond the buffers that it has when it says that it is ready.

Two things, in MiB of one H200 (llama.cpp b11312, CUDA 13.0, driver 580.159.04; tests/plan/vram/on_a_card):

- cuBLAS, 66 MiB and a workspace: products with weights that are not quantized go there. Those are a whole F16 or BF16
  model, the router of experts, a vision projector, and the state of Mamba's layers. The workspace is 32 MiB from Hopper
  on and 4 before (ggml_backend_cuda_context::cublas_handle in ggml-cuda/common.cuh).
- A pool that grows to the largest factor in the type that a kernel reads, and with F16 weights to the result as well
  (ggml_cuda_mul_mat_q in mmq.cu, ggml_cuda_mul_mat_cublas_impl in ggml-cuda.cu, ssm-scan.cu). A card's context counts
  what a ubatch of 512 tokens takes of it. A projector has a pool and a workspace of its own.
"""

from plan.catalogue.card import Card
from plan.models.gguf_facts import GgufFacts, Projector, Shape
from plan.vram.cache import tokens_at_once
from plan.vram.projector import patches
from plan.vram.types import MIB, Serving

_F16, _F32 = 2, 4
_LIBRARY = 66 * MIB
_HOPPER = 90
_IN_CONTEXT = 16 * MIB  # of a pool: of the models up to 32B that were measured none takes more at 512 tokens
_FULL = ("F16", "BF16", "F32")
_PADDED = 512  # MATRIX_ROW_PADDING
_CHUNK = 256  # tokens of a state at once (SSM_SSD_CHUNK_SIZE in ssm-scan.cu)
_STATES_BY_CUBLAS = ("mamba2", "granitehybrid", "nemotron_h", "nemotron_h_moe", "falcon-h1", "plamo2", "jamba", "mamba")


def first_request_bytes(facts: GgufFacts, serving: Serving, card: Card, *, sees: bool) -> int:
    """Bytes on top of the card's context; `sees`: it is served with its projector."""
    shape, mostly = facts.shape, facts.weights.mostly if facts.weights else None
    drafter = facts.draft if serving.drafted else None  # it has a context of its own, with a pool and a workspace
    users = sum((_asks_cublas(facts), sees, drafter is not None and _asks_cublas(drafter)))
    workspace = (32 if (card.compute_capability or 0) >= _HOPPER else 4) * MIB
    libraries = _LIBRARY + users * workspace if users else 0
    pool = max(0, max(_factors(shape, mostly, serving), _states(shape, serving)) - _IN_CONTEXT)
    if drafter:
        pool += _factors(drafter.shape, drafter.weights.mostly if drafter.weights else None, serving)
    return libraries + pool + (_images(facts.projector, shape, serving) if sees else 0)


def _asks_cublas(facts: GgufFacts) -> bool:
    full = facts.weights is not None and facts.weights.mostly in _FULL
    return full or bool(facts.shape.expert_count) or _keeps_states(facts.shape)


def _keeps_states(shape: Shape) -> bool:
    return shape.architecture in _STATES_BY_CUBLAS


def _factors(shape: Shape, mostly: str | None, serving: Serving) -> int:
    """The factor of the widest product, and its result where that is computed in F16."""
    tokens, width = tokens_at_once(serving), shape.embedding_length or 0
    inner = _most(shape.feed_forward_length) or 4 * width
    if mostly in _FULL:
        return _F16 * tokens * (max(width, inner) if mostly == "BF16" else width + inner)
    dense, used = max(width, inner), shape.expert_used_count or 0
    if not shape.expert_count:
        return tokens * _quantized(dense)
    of_experts = used * _quantized(max(width, _most(shape.expert_feed_forward_length)))
    return tokens * max(of_experts, _quantized(dense))


def _quantized(row: int) -> int:
    """Bytes of a row of numbers as blocks of Q8_1: nine for eight of them."""
    return -(-row // _PADDED) * _PADDED * 9 // 8


def _states(shape: Shape, serving: Serving) -> int:
    if not _keeps_states(shape):
        return 0
    heads, state, inner = shape.time_step_rank or 0, shape.state_size or 0, shape.inner_size or 0
    of_a_head = (_F16 + _F32) * state * _CHUNK + _F16 * _CHUNK * _CHUNK
    return serving.parallel * (heads * of_a_head + _F16 * _CHUNK * inner)


def _images(projector: Projector | None, shape: Shape, serving: Serving) -> int:
    """A projector's pool, and a second graph of a model that has its deeper layers' features beside the tokens."""
    if projector is None:
        return 0
    row = (projector.embedding_length or 0) + (projector.feed_forward_length or 0)
    deeper = _most(shape.feed_forward_length) * 3 + 2 * (shape.embedding_length or 0) if shape.n_deepstack_layers else 0
    return _F16 * patches(projector, serving.image_max_tokens) * row + _F32 * tokens_at_once(serving) * deeper


def _most(length: int | tuple[int, ...] | None) -> int:
    return max(length, default=0) if isinstance(length, tuple) else length or 0
