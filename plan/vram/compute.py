"""The compute buffer of a graph whose layers are all on one card, with flash attention.

llama.cpp has no formula: its allocator packs a graph's tensors, and these sums are what that came to, by kind of graph.
tests/oracle asks the allocator of build b11312 itself (commit 0c1e57098), on a device of the RPC backend: never less,
and at most 8 % more; equal for a dense model whose queries are as wide as the model. A public CUDA log of Qwen3-8B at
8192 tokens prints the same 104.01 MiB. Beyond that:

- Experts: up to twice the RPC device's figure where a model is wider than three of an expert's inner lengths, or not
  much wider than one; Qwen3's own stay within 8 %. A CUDA build keeps rows of the experts for a fused reduction
  (ggml_backend_cuda_graph_optimize), which an RPC device does not.
- A quantized cache: flash attention makes an f16 copy of one layer's keys and values on CUDA alone
  (ggml_cuda_flash_attn_ext_get_alloc_size). Public CUDA logs of Qwen3.5 4B, 9B and 27B with q8_0 at 262144 tokens
  (1330, 1336 and 1360 MiB) are met within 1 MiB, and a device that answers as CUDA does (ops/allocator) within 8 %.
"""

from dataclasses import dataclass

from plan.models.gguf_facts import Shape
from plan.vram.cache import cells, tokens_at_once
from plan.vram.layers import Lengths
from plan.vram.types import Serving

_F32, _F16 = 4, 2
_ROTATION_BYTES = 2 * _F32 * 256 * 256  # of keys and of values, for heads of up to 256
_INPUTS = 12  # positions, rows of the cache to write, rows to return: elements of a token


@dataclass(frozen=True, slots=True)
class BuildRange:
    """Builds from `first` to `last` compute alike. `all_logits`: a row of logits for each token of a ubatch."""

    first: int
    last: int
    all_logits: bool
    says: str = ""


# One row of logits a slot since ggml-org/llama.cpp#23861, commit de6f727aa, which git describes as b9453-7. Before that
# a whole ubatch's, which were 304.75 MiB of Qwen3-8B in public logs. The graphs themselves were looked at in b11312.
BUILDS = (
    BuildRange(0, 9459, all_logits=True, says="reserves logits of a whole ubatch"),
    BuildRange(9460, 11312, all_logits=False),
)


def compute_bytes(lengths: Lengths, serving: Serving) -> tuple[int, tuple[str, ...]]:
    """Bytes on the card, and notes about them."""
    builds, notes = _builds(serving.build)
    tokens = tokens_at_once(serving)
    whole, window = cells(lengths, serving)
    masks = _F16 * tokens * (whole + window)
    rows = tokens if builds.all_logits or serving.embeds else min(tokens, serving.answers)
    graph = max(
        _F32 * tokens * _feed_forward(lengths, whole + window, serving.kv_type != "f16"),
        _F32 * tokens * _attention(lengths) + _copy_bytes(lengths, serving, whole),
        _recurrent_bytes(lengths, tokens, serving),
    )
    logits = _F32 * (rows * lengths.vocabulary + tokens * lengths.width)
    if serving.embeds:  # pooling reads a mask and turns all states over, beside logits that are reserved all the same
        states = _F32 * tokens * lengths.width
        logits += masks if masks >= states else masks + states
    rotations = 0 if serving.kv_type == "f16" else _ROTATION_BYTES
    return max(graph + masks, logits) + rotations + _F32 * _INPUTS * tokens, notes


def experts_copy(lengths: Lengths, serving: Serving) -> int:
    """Rows of the experts that CUDA keeps beside a quantized cache's copy; with an f16 cache they have room.

    Qwen3-30B-A3B with q8_0 at 65536 tokens takes 252.09 MiB of an H200, 32 more than an RPC device gives.
    """
    _, used, _ = lengths.experts
    return 0 if serving.kv_type == "f16" else _F32 * tokens_at_once(serving) * used * lengths.width


def logits_of_a_ubatch(shape: Shape, serving: Serving) -> int:
    """The least that a build takes which reserves a row of logits for each token of a ubatch, bytes; 0 of others."""
    builds, _ = _builds(serving.build)
    row = (shape.vocab_size or 0) + (shape.embedding_length or 0)
    return _F32 * tokens_at_once(serving) * row if builds.all_logits else 0


def _builds(build: int | None) -> tuple[BuildRange, tuple[str, ...]]:
    newest = BUILDS[-1]
    if build is None:
        return newest, (f"the engine's build is not known: compute buffers are those of b{newest.last}",)
    if build > newest.last:
        return newest, (f"compute buffers are those of b{newest.last}, b{build} was not compared with them",)
    found = next(builds for builds in BUILDS if builds.first <= build <= builds.last)
    return found, (f"b{build} {found.says}",) if found.says else ()


def _feed_forward(lengths: Lengths, cells: int, quantized: bool) -> int:
    """Elements of a token that are alive together while a feed-forward network is computed."""
    width, masks = lengths.width, cells * _F16 // _F32
    # A quantized cache holds rotated keys and values, and the queries are rotated to match.
    query = lengths.query * (2 if quantized and lengths.query < width else 1)
    deepstack = lengths.deepstack * width
    residual = 2 * width + (max(query, width) + deepstack if deepstack else query)
    count, used, inner = lengths.experts
    if count:
        # Rows of the experts take the room of up and gate where that is enough, with their weighted copies or without.
        copies = (2 * width > 3 * inner) + (width > 3 * inner)
        experts = used * (3 * inner + copies * width) + 4 * count
        return experts + residual + _another(lengths, masks, width)
    if lengths.gated:
        return 3 * lengths.inner + 2 * width
    return 3 * lengths.inner + residual + _another(lengths, masks, min(width, lengths.inner - residual))


def _another(lengths: Lengths, masks: int, edge: int) -> int:
    """One more copy of the residual stream: narrow queries leave no hole for it, masks do once they exceed `edge`.

    Beyond `edge` memory would shrink with a longer context; it is kept level, so that more tokens never take less.
    """
    if lengths.query >= lengths.width or edge <= 0:
        return 0
    return lengths.width if masks < edge else max(0, edge + lengths.width - masks)


def _attention(lengths: Lengths) -> int:
    width, query, key_value = lengths.width, lengths.query, lengths.key_value
    if lengths.gated:  # gated: a query comes with its gate
        return 2 * width + 4 * query + max(query, key_value)
    deepstack = (1 + lengths.deepstack) * width if lengths.deepstack else 0
    return 2 * width + 2 * query + key_value + deepstack


def _recurrent_bytes(lengths: Lengths, tokens: int, serving: Serving) -> int:
    if not lengths.conv:
        return 0
    states = serving.parallel * lengths.state
    copies = 2 if 2 * states > tokens * lengths.conv else 1  # the second has room in a long ubatch's activations
    if serving.states > 1:  # those to go back to are written once, beside the one that is read
        copies = serving.states + 1
    kept = 3 * serving.parallel * serving.states * (lengths.conv_kernel - 1) * lengths.conv
    return _F32 * (tokens * (3 * lengths.conv + 2 * lengths.width) + copies * states + kept)


def _copy_bytes(lengths: Lengths, serving: Serving, whole: int) -> int:
    if serving.kv_type == "f16":
        return 0
    return _F16 * whole * serving.streams * lengths.key_value
