"""What of a model with experts is not on the card, where `cpu_moe` keeps the experts of its first layers off it.

llama.cpp keeps them in the machine's memory (common/arg.cpp, --n-cpu-moe). A batch of fewer than 32 tokens is computed
there; of a larger one the card computes these layers too, and their tensors are copied into its compute buffer, one at
a time (op_offload in ggml/src/ggml-backend.cpp, ggml_backend_cuda_device_offload_op in ggml-cuda.cu, 0c1e57098). So the
buffer is that of a model whose experts are on the card, and at most the largest of these tensors more:
tests/oracle/pretending/test_experts.py.
"""

from plan.models.gguf_facts import Shape, Weights
from plan.vram.cache import tokens_at_once
from plan.vram.types import Serving

_F32 = 4


def on_host(weights: Weights, serving: Serving) -> int:
    """Bytes of experts that are not on the card."""
    return sum(weights.expert_bytes[: serving.expert_layers])


def copied(weights: Weights, serving: Serving) -> int:
    """Bytes of the compute buffer on the card that may hold a copy of one of their tensors."""
    return weights.expert_matrix_bytes if on_host(weights, serving) else 0


def layers_with_experts(weights: Weights, serving: Serving) -> int:
    """How many layers these are: the first ones of some models have no experts."""
    return sum(size > 0 for size in weights.expert_bytes[: serving.expert_layers])


def computed_on_host(shape: Shape, serving: Serving) -> int:
    """Bytes, at most, in which the CPU computes the experts of one layer, for a batch that no card takes over."""
    inner = shape.expert_feed_forward_length or shape.feed_forward_length or 0
    inner = max(inner) if isinstance(inner, tuple) else inner
    width = shape.embedding_length or 0
    return _F32 * tokens_at_once(serving) * ((shape.expert_used_count or 0) * (3 * inner + width) + 2 * width)
