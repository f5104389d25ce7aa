"""Which figures count for a model: llama.cpp's own where the lock has them, and the formulas otherwise.

Where both are known each checks the other, and what differs is a note with both figures.
"""

from collections.abc import Iterator

from plan.models.allocator.figures import Allocator
from plan.models.gguf_facts import GgufFacts, Weights
from plan.vram.allocator.figures import figures
from plan.vram.allocator.formula import by_formula
from plan.vram.compute import logits_of_a_ubatch
from plan.vram.types import MIB, Parts, Serving, UnmeasuredError, VramError

# Two digits of a log's MiB, of each of a few caches. A formula for compute is never less, and up to 8 % more.
_DOUBT, _OVER = MIB // 50, 1.08


def parts(facts: GgufFacts, held: Weights, serving: Serving, quant: str) -> Parts:
    """The parts of a model whose weights are `held`; raises VramError where neither tells them."""
    told = _told(facts, held, serving)
    try:
        reckoned = by_formula(facts, held, serving, quant)
    except VramError as error:
        if told is not None:
            return told
        raise UnmeasuredError(_unmeasured(facts.allocator, serving, str(error))) from None
    if told is not None:
        return told._replace(notes=(*told.notes, *_differences(told, reckoned)))
    missing = () if facts.allocator is None else (f"{not_asked(serving)}: its formula counts",)
    return reckoned._replace(notes=(*reckoned.notes, *missing))


def _told(facts: GgufFacts, held: Weights, serving: Serving) -> Parts | None:
    if facts.allocator is None or (found := figures(facts.allocator, facts.shape, serving)) is None:
        return None
    blocks = held.nextn_bytes if facts.allocator.draft_cell_elements else 0  # plan/vram/drafts.py counts them
    ours, theirs = held.gpu_bytes + held.tied_bytes + blocks, facts.allocator.weights_mib * MIB
    differ = not theirs - _DOUBT <= ours <= theirs + MIB + _DOUBT
    note = f"its weights are {theirs // MIB} MiB by llama.cpp's allocator and {ours / MIB:.0f} by its facts"
    return Parts(
        weights=theirs + MIB - blocks if differ else 0,
        kv=found.kv,
        state=found.state,
        compute=max(found.compute, logits_of_a_ubatch(facts.shape, serving)),
        more=found.more,
        source="allocator",
        notes=(
            *_build_notes(facts.allocator.build, serving.build),
            *((f"{note}: the larger counts",) if differ else ()),
        ),
    )


def _build_notes(asked: int, build: int | None) -> tuple[str, ...]:
    if build == asked:
        return ()
    image = "the engine's build is not known" if build is None else f"the image has b{build}"
    return (f"{image}: caches and compute buffers are those of b{asked}, by its own allocator",)


def _differences(told: Parts, reckoned: Parts) -> Iterator[str]:
    for what, ours, theirs, most in (
        ("cache", reckoned.kv, told.kv, told.kv),
        ("state", reckoned.state, told.state, told.state),
        ("compute buffer", reckoned.compute, told.compute, _OVER * (told.compute + MIB)),
    ):
        if not theirs - _DOUBT <= ours <= most + _DOUBT:
            figures = f"{theirs / MIB:.2f} MiB by llama.cpp's allocator and {ours / MIB:.2f} by the formula"
            yield f"its {what} is {figures}: the allocator's counts"


def _unmeasured(allocator: Allocator | None, serving: Serving, why: str) -> str:
    return why if allocator is None else f"{not_asked(serving)}, and {why}"


def not_asked(serving: Serving) -> str:
    """What is said of a way to serve for which there is no row of figures, without a full stop."""
    slots = "1 slot" if serving.parallel == 1 else f"{serving.parallel} slots"
    how = f"kv_type {serving.kv_type}, {slots}, ubatch {serving.ubatch}{', embeddings' if serving.embeds else ''}"
    how += ", one cache for all" if serving.unified else ""
    how += f", {serving.drafted} tokens drafted by its own blocks" if serving.mtp else ""
    return f"llama.cpp's allocator was not asked about {how}"
