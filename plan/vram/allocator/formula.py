"""What a model's graph takes of the card beside its weights, by formulas: cache and state exact, compute a bound."""

from plan.models.gguf_facts import GgufFacts, Weights
from plan.vram.bounds import Bounded, bounded
from plan.vram.cache import kv_bytes, state_bytes
from plan.vram.compute import compute_bytes, experts_copy
from plan.vram.layers import lengths
from plan.vram.types import MIB, Parts, Serving


def by_formula(facts: GgufFacts, held: Weights, serving: Serving, quant: str) -> Parts:
    """The parts of a model whose weights are `held`; raises VramError where no formula is known, or a length."""
    shapes = bounded(facts.shape, held, quant)
    of_model = lengths(shapes.most)
    compute, notes = compute_bytes(of_model, serving)
    return Parts(
        kv=kv_bytes(of_model, serving),
        state=state_bytes(of_model, serving),
        compute=compute,
        more=experts_copy(of_model, serving),
        source="bound" if shapes.missing else "derived",
        notes=notes,
        bounds=_bounds(shapes, compute, serving),
    )


def _bounds(shapes: Bounded, compute: int, serving: Serving) -> tuple[str, ...]:
    if not shapes.missing:
        return ()
    least, _ = compute_bytes(lengths(shapes.least), serving)
    are = f"{' and '.join(shapes.missing)} {'are' if shapes.missing[1:] else 'is'} not known"
    bound, over = compute / MIB, (compute - least) / MIB
    return (f"{are}: its weights' bytes bound the compute buffer to {bound:.0f} MiB, at the worst {over:.0f} too much",)
