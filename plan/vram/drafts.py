"""What drafting takes of the card: a small model beside the large one, or the large one's own blocks.

llama-server makes one context for it, of as many tokens and slots as the model's own (llama.cpp b11312,
common_speculative_init_from_params): a small model takes what it would in a server of its own, without a CUDA context.
Blocks for multi-token prediction have a cache alone and a graph of their own, and the model keeps more states for them.
"""

from dataclasses import replace
from typing import NamedTuple

from plan.models.gguf_facts import GgufFacts, Weights
from plan.vram.allocator.choice import parts
from plan.vram.allocator.figures import own_blocks
from plan.vram.cache import kv_bytes
from plan.vram.compute import compute_bytes
from plan.vram.layers import Layer, Lengths, lengths
from plan.vram.types import FigureSource, Serving, UnmeasuredError, VramError


class Drafts(NamedTuple):
    """Bytes; `more` may come on top, as in Parts. `notes` and `bounds` are about the draft alone."""

    weights: int = 0
    cache: int = 0
    compute: int = 0
    more: int = 0
    source: FigureSource | None = None
    notes: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()


def drafts(facts: GgufFacts, file_bytes: int, serving: Serving) -> Drafts:
    """The parts of what drafts for a model, `file_bytes` those of its draft's file; raises VramError."""
    if serving.mtp:
        return _of_blocks(facts, serving)
    if facts.draft is None:
        if file_bytes:
            raise VramError("nothing is known of its draft")
        return Drafts()
    alone, held = replace(serving, drafted=0, expert_layers=0), facts.draft.weights
    bounds = () if held else ("its draft's weights are not known: the whole file is counted",)
    held = held or Weights(gpu_bytes=file_bytes, input_bytes=0, tied_bytes=0, source="derived")
    try:
        graph = parts(facts.draft, held, alone, "")
    except UnmeasuredError as error:
        raise UnmeasuredError(f"of its draft, {error}") from None
    except VramError as error:
        raise VramError(f"of its draft, {error}") from None
    return Drafts(
        weights=max(held.gpu_bytes + held.tied_bytes, graph.weights),
        cache=graph.kv + graph.state,
        compute=graph.compute,
        more=graph.more,
        source=graph.source,
        notes=tuple(f"of its draft, {note}" for note in graph.notes),
        bounds=(*bounds, *(f"of its draft, {note}" for note in graph.bounds)),
    )


def _of_blocks(facts: GgufFacts, serving: Serving) -> Drafts:
    weights = facts.weights.nextn_bytes if facts.weights else 0
    if facts.allocator and (told := own_blocks(facts.allocator, serving)):
        cache, compute = told
        return Drafts(weights, cache, compute, source="allocator")
    of_blocks, alone = blocks(facts), replace(serving, drafted=0, mtp=False, expert_layers=0)
    compute, _ = compute_bytes(of_blocks, alone)
    return Drafts(weights, kv_bytes(of_blocks, alone), compute, source="derived")


def blocks(facts: GgufFacts) -> Lengths:
    """The lengths of the blocks that draft: each has attention over the whole context, whatever the others have.

    Raises VramError where they are not known.
    """
    of_model, count = lengths(facts.shape), facts.shape.nextn_predict_layers or 0
    if not count:
        raise VramError("it has no blocks that draft")
    widest = max(of_model.layers, key=lambda layer: layer.key + layer.value)
    layer = Layer(widest.key, widest.value)
    return replace(of_model, layers=(layer,) * count, sliding_window=0, conv_kernel=0, conv=0, state=0, deepstack=0)
