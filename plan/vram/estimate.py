"""GPU memory of one served model: header facts and serving flags in, a breakdown in MiB out.

Weights, cache and state are exact. Compute buffers are what llama.cpp's allocator has said (plan/vram/allocator), or
bounds of that (plan/vram/compute.py and plan/vram/projector.py), the CUDA context is a figure of the card
(plan/catalogue) and what the first requests add to it (plan/vram/first_request.py). All layers are on that card, but
for experts that `cpu_moe` keeps off it (plan/vram/experts.py).
"""

from collections.abc import Mapping

from plan.catalogue.card import Card
from plan.models.gguf_facts import GgufFacts, Weights
from plan.vram.allocator.choice import parts
from plan.vram.drafts import drafts
from plan.vram.experts import copied, layers_with_experts, on_host
from plan.vram.first_request import first_request_bytes
from plan.vram.projector import compute_bytes as projector_compute_bytes
from plan.vram.projector import weight_bytes as projector_weight_bytes
from plan.vram.types import MIB, Breakdown, FigureSource, Serving, VramError

__all__ = ["Breakdown", "FigureSource", "Serving", "VramError", "estimate"]

# A public CUDA log of Qwen3-4B prints 85.01 MiB where the rule, like the RPC device, gives 83.02.
_COMPUTE_UPPER = 1.05


def estimate(facts: GgufFacts, sizes: Mapping[str, int], serving: Serving, card: Card, quant: str = "") -> Breakdown:
    """What a llama-server of its own takes of the card; `sizes` are a model's file bytes by role.

    `quant` is the quantization's name; it makes a bound tighter where a published fact is missing. Raises VramError for
    an architecture, a projector or facts from which memory cannot be computed.
    """
    held, weights_note = _weights(facts, sizes)
    graph = parts(facts, held, serving, quant)
    projector, projector_compute, projector_note = _projector(facts, sizes.get("mmproj", 0), serving)
    draft = drafts(facts, sizes.get("draft", 0), serving)
    elsewhere, copy = on_host(held, serving), copied(held, serving)
    weights = max(held.gpu_bytes + held.tied_bytes, graph.weights) - elsewhere
    bounds = [note for note in (weights_note, *graph.bounds, projector_note, *draft.bounds) if note]
    exact = weights + graph.kv + graph.state + projector + graph.more + copy + draft.weights + draft.cache + draft.more
    compute = graph.compute + projector_compute + draft.compute
    asked_mib = first_request_bytes(facts, serving, card, sees=bool(sizes.get("mmproj"))) / MIB
    return Breakdown(
        weights_mib=weights / MIB,
        kv_mib=graph.kv / MIB,
        state_mib=graph.state / MIB,
        compute_mib=(graph.compute + copy) / MIB,
        mmproj_weights_mib=projector / MIB,
        mmproj_compute_mib=projector_compute / MIB,
        context_mib=card.context_mib + asked_mib,
        upper_mib=(exact + _COMPUTE_UPPER * compute) / MIB + card.context_upper_mib + asked_mib,
        source="bound" if bounds else _weaker(graph.source, draft.source),
        notes=(*graph.notes, *draft.notes, *bounds, *_experts_note(held, serving)),
        draft_weights_mib=draft.weights / MIB,
        draft_cache_mib=draft.cache / MIB,
        draft_compute_mib=draft.compute / MIB,
        host_experts_mib=elsewhere / MIB,
    )


def _weaker(one: FigureSource, other: FigureSource | None) -> FigureSource:
    return "derived" if "derived" in (one, other) else one


def _weights(facts: GgufFacts, sizes: Mapping[str, int]) -> tuple[Weights, str]:
    if facts.weights is not None:
        return facts.weights, ""
    if not (file_bytes := sizes.get("model", 0)):
        raise VramError("nothing is known of its weights, and no file bounds them")
    # What is loaded twice, a tied embedding, is in the file once and stays on the CPU once.
    whole = Weights(gpu_bytes=file_bytes, input_bytes=0, tied_bytes=0, source="derived")
    return whole, "its weights are not known: the whole file is counted, with the embedding that stays on the CPU"


def _experts_note(held: Weights, serving: Serving) -> tuple[str, ...]:
    if not serving.expert_layers:
        return ()
    moved, layers = on_host(held, serving), layers_with_experts(held, serving)
    if not moved:
        return (f"none of its first {serving.expert_layers} layers has experts, so `cpu_moe` changes nothing",)
    whose = f"{layers} of its layers" if layers < sum(size > 0 for size in held.expert_bytes) else "all its layers"
    return (
        f"the experts of {whose}, {moved / MIB:.0f} MiB, stay in the machine's memory and are computed there: "
        "it answers more slowly, `make verify` says how fast",
    )


def _projector(facts: GgufFacts, file_bytes: int, serving: Serving) -> tuple[int, int, str]:
    if not file_bytes:
        return 0, 0, ""
    held, note = projector_weight_bytes(facts.projector, file_bytes)
    return held, projector_compute_bytes(facts.projector, facts.shape, serving.image_max_tokens), note
