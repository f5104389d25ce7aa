"""What a vision projector takes of the card: its weights, and the buffer for its largest image.

Buffers are sums that llama.cpp b11312's allocator came to: never less, and at most 8 % more for the models there are.
tests/oracle has that from the estimate that llama-server makes before it loads a model; public CUDA logs of Qwen3-VL
and Qwen3.5 print the same 372.08 and 223.30 MiB. Graphs: tools/mtmd/models/{qwen3vl,siglip,minicpmv}.cpp, sizes:
tools/mtmd/clip.cpp.
"""

from plan.models.gguf_facts import Projector, Shape
from plan.vram.types import VramError

_F32 = 4
_COLOURS = 3
# An image of 46 x 46 tokens is reserved for at the start, whatever --image-max-tokens says: set_warmup_n_tokens.
_WARM_UP_TOKENS = 46 * 46
_INPUTS = 4  # a patch's position: four numbers with m-rope, one without
_WIDEST = 5  # times the tower's width; what wider mappings take was not tried


def weight_bytes(projector: Projector | None, file_bytes: int) -> tuple[int, str]:
    """Bytes on the card, and a note when only the file's size bounds them."""
    if projector is not None and projector.weight_bytes is not None:
        return projector.weight_bytes, ""
    note = "projector.weight_bytes is not known: its whole file is counted, including its header (less than 1 MiB)"
    return file_bytes, note


def compute_bytes(projector: Projector | None, shape: Shape, image_max_tokens: int) -> int:
    """Bytes of the largest buffer that encoding one image needs; raises VramError for a projector that is not known."""
    if projector is None:
        raise VramError("nothing is known of its vision projector, so it needs a `measured:` value")
    graphs = {"qwen3vl_merger": _merger, "gemma3": _pooled, "resampler": _resampler}
    if (graph := graphs.get(projector.projector_type or "")) is None:
        raise VramError(
            f"the memory of projector {projector.projector_type} is not known (known are {', '.join(graphs)}), so it "
            "needs a `measured:` value"
        )
    return _F32 * graph(projector, shape, image_max_tokens)


def patches(projector: Projector, image_max_tokens: int) -> int:
    """Of the largest image, or slice of one, that is encoded at once; raises VramError for facts that lack a length."""
    if projector.projector_type == "qwen3vl_merger":
        return image_max_tokens * (projector.spatial_merge_size or 2) ** 2
    return _patches(projector)


def _merger(projector: Projector, shape: Shape, image_max_tokens: int) -> int:
    """Elements for the largest image of Qwen3-VL and Qwen3.5: any size, a token for 2 x 2 patches."""
    width, inner = _length(projector, "embedding_length"), _length(projector, "feed_forward_length")
    out = shape.embedding_length or projector.projection_dim or 0
    told = len(projector.is_deepstack_layers or ()), shape.n_deepstack_layers or 0
    alive = max(6 * width, inner + 2 * width)
    if features := max(told):
        if out > _WIDEST * width:
            raise VramError("its vision projector is wider than any that was tried, so it needs a `measured:` value")
        # Each layer's features wait for the end, where they are joined; a third of one's room is lost between them.
        joined = 5 * width + (2 * features - 1) * out // 4
        alive = max(alive + features * width, joined) + width // 3
    merge = projector.spatial_merge_size or 2
    patches = max(_WARM_UP_TOKENS, image_max_tokens) * merge**2
    return patches * (alive + _pixels(projector) + _INPUTS)


def _pooled(projector: Projector, shape: Shape, _image_max_tokens: int) -> int:
    """Elements for Gemma 3: one size of image."""
    width, patches = _length(projector, "embedding_length"), _patches(projector)
    alive = _length(projector, "feed_forward_length") + 3 * width
    # A small image's buffer is rather that of the mapping, which is turned round in it.
    mapping = 2 * width * (shape.embedding_length or 0) if patches < width * 3 else 0
    return patches * (alive + _INPUTS) + mapping


def _resampler(projector: Projector, shape: Shape, _image_max_tokens: int) -> int:
    """Elements for MiniCPM-V: slices of one size, one at a time, from which queries as wide as the model take."""
    width, inner = _length(projector, "embedding_length"), _length(projector, "feed_forward_length")
    out, queries = shape.embedding_length or 0, projector.minicpmv_query_num or 64
    alive = max(4 * out, inner + 28 * width // 5) + 96
    return _patches(projector) * alive + 2 * queries * out


def _patches(projector: Projector) -> int:
    return (_length(projector, "image_size") // _length(projector, "patch_size")) ** 2


def _pixels(projector: Projector) -> int:
    return _COLOURS * _length(projector, "patch_size") ** 2


def _length(projector: Projector, name: str) -> int:
    value: int | None = getattr(projector, name)
    if not value:
        raise VramError(f"its facts lack projector.{name}")
    return value
