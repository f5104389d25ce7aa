"""What a served model takes by the figures that the lock has of llama.cpp's allocator (plan/models/allocator)."""

from typing import NamedTuple

from plan.models.allocator.figures import Allocator, Compute
from plan.models.gguf_facts import Shape
from plan.vram.allocator.lines import at
from plan.vram.cache import element_bytes, slot_cells, tokens_at_once, window_cells
from plan.vram.types import Serving

_F32 = 4


class Figures(NamedTuple):
    """Bytes. `more` may come on top on CUDA: rows of the experts that it keeps for a fused reduction."""

    kv: int
    state: int
    compute: int
    more: int


def figures(allocator: Allocator, shape: Shape, serving: Serving) -> Figures | None:
    """Bytes of the model served so; None where no row of the figures tells its compute buffer."""
    compute = _compute(allocator, shape, serving)
    if compute is None:
        return None
    kv = sum(
        element_bytes(
            cache.cell_elements * (window_cells(cache.window, serving) if cache.window else slot_cells(serving)),
            serving.kv_type,
        )
        for cache in allocator.caches
    )
    experts = (shape.expert_used_count or 0) * (shape.embedding_length or 0) if shape.expert_count else 0
    return Figures(
        kv=kv * serving.streams,
        state=allocator.state_bytes * serving.parallel * serving.states,
        compute=compute,
        more=_F32 * experts * tokens_at_once(serving),
    )


def own_blocks(allocator: Allocator, serving: Serving) -> tuple[int, int] | None:
    """Bytes of cache and compute buffer of the model's own blocks that draft; None where no row tells them."""
    row = next((row for row in allocator.compute if row.serves == _wanted(serving, serving.parallel)), None)
    if row is None or not row.draft_points or not allocator.draft_cell_elements:
        return None
    cells = slot_cells(serving)
    cache = element_bytes(allocator.draft_cell_elements * cells, serving.kv_type) * serving.streams
    return cache, at(row.draft_points, cells)


def _compute(allocator: Allocator, shape: Shape, serving: Serving) -> int | None:
    # For a draft the rows have no logits of what it drafts; with the model's own blocks they have.
    logits = 0 if serving.mtp else _F32 * serving.parallel * serving.drafted * (shape.vocab_size or 0)
    row = next((row for row in allocator.compute if row.serves == _wanted(serving, serving.parallel)), None)
    if row is not None:
        return at(row.points, slot_cells(serving)) + logits
    # Slots share a ubatch, and each has a mask over its own cells alone. The state of recurrent layers and the f16 copy
    # of a quantized cache grow with every slot, so there another number of slots is another row; and so do the windows
    # of a cache that all share.
    if allocator.state_bytes or serving.kv_type != "f16" or serving.unified or serving.mtp:
        return None
    others = [row for row in allocator.compute if row.serves == _wanted(serving, row.parallel)]
    least = min((_of_other_slots(row, shape, serving) for row in others), default=None)
    return None if least is None else least + logits


def _wanted(serving: Serving, parallel: int) -> tuple[str, int, int, bool, bool, int]:
    drafts = serving.drafted if serving.mtp else 0
    return serving.kv_type, serving.ubatch, parallel, serving.embeds, serving.unified, drafts


def _of_other_slots(row: Compute, shape: Shape, serving: Serving) -> int:
    """At most what so many slots take: a ubatch is rounded up to as many tokens for each, and each has its logits."""
    tokens = -(-row.ubatch // serving.parallel) * serving.parallel
    scaled = -(-at(row.points, slot_cells(serving)) * max(tokens, row.ubatch) // row.ubatch)
    return scaled + _F32 * max(0, serving.parallel - row.parallel) * (shape.vocab_size or 0)
