"""GPU memory of one served model: header facts and serving flags in, a breakdown in MiB out.

Weights, cache and state are exact. Compute buffers are bounds of llama.cpp's allocator (plan/vram/compute.py and
plan/vram/projector.py), the CUDA context is a figure of the card (plan/catalogue). All layers are on that card.
"""

from collections.abc import Mapping

from plan.catalogue.card import Card
from plan.models.gguf_facts import GgufFacts, Weights
from plan.vram.bounds import Bounded, bounded
from plan.vram.cache import kv_bytes, state_bytes
from plan.vram.compute import compute_bytes
from plan.vram.layers import lengths
from plan.vram.projector import compute_bytes as projector_compute_bytes
from plan.vram.projector import weight_bytes as projector_weight_bytes
from plan.vram.types import MIB, Breakdown, FigureSource, Serving, VramError

__all__ = ["Breakdown", "FigureSource", "Serving", "VramError", "estimate"]

# A public CUDA log of Qwen3-4B prints 85.01 MiB where the rule, like the RPC device, gives 83.02.
_COMPUTE_UPPER = 1.05


def estimate(facts: GgufFacts, sizes: Mapping[str, int], serving: Serving, card: Card, quant: str = "") -> Breakdown:
    """What a llama-server of its own with every layer on the card takes; `sizes` are a model's file bytes by role.

    `quant` is the quantization's name; it makes a bound tighter where a published fact is missing. Raises VramError for
    an architecture, a projector or facts from which memory cannot be computed.
    """
    held, weights_note = _weights(facts, sizes)
    shapes = bounded(facts.shape, held, quant)
    of_model = lengths(shapes.most)
    compute, build_notes = compute_bytes(of_model, serving)
    projector, projector_compute, projector_note = _projector(facts, sizes.get("mmproj", 0), serving)
    weights = held.gpu_bytes + held.tied_bytes
    kv, state = kv_bytes(of_model, serving), state_bytes(of_model, serving)
    bounds = [note for note in (weights_note, _shape_note(shapes, compute, serving), projector_note) if note]
    return Breakdown(
        weights_mib=weights / MIB,
        kv_mib=kv / MIB,
        state_mib=state / MIB,
        compute_mib=compute / MIB,
        mmproj_weights_mib=projector / MIB,
        mmproj_compute_mib=projector_compute / MIB,
        context_mib=card.context_mib,
        upper_mib=(weights + kv + state + projector + _COMPUTE_UPPER * (compute + projector_compute)) / MIB
        + card.context_upper_mib,
        source="bound" if bounds else "derived",
        notes=(*build_notes, *bounds),
    )


def _weights(facts: GgufFacts, sizes: Mapping[str, int]) -> tuple[Weights, str]:
    if facts.weights is not None:
        return facts.weights, ""
    if not (file_bytes := sizes.get("model", 0)):
        raise VramError("nothing is known of its weights, and no file bounds them")
    # What is loaded twice, a tied embedding, is in the file once and stays on the CPU once.
    whole = Weights(gpu_bytes=file_bytes, input_bytes=0, tied_bytes=0, source="derived")
    return whole, "its weights are not known: the whole file is counted, with the embedding that stays on the CPU"


def _projector(facts: GgufFacts, file_bytes: int, serving: Serving) -> tuple[int, int, str]:
    if not file_bytes:
        return 0, 0, ""
    held, note = projector_weight_bytes(facts.projector, file_bytes)
    return held, projector_compute_bytes(facts.projector, facts.shape, serving.image_max_tokens), note


def _shape_note(shapes: Bounded, compute: int, serving: Serving) -> str:
    if not shapes.missing:
        return ""
    least, _ = compute_bytes(lengths(shapes.least), serving)
    are = f"{' and '.join(shapes.missing)} {'are' if shapes.missing[1:] else 'is'} not known"
    bound, over = compute / MIB, (compute - least) / MIB
    return f"{are}: its weights' bytes bound the compute buffer to {bound:.0f} MiB, at the worst {over:.0f} too much"
