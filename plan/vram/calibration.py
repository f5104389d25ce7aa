"""A model's memory by what was measured of it; for another context, corrected by the difference of the two estimates.

A measurement with another cache type, number of slots, ubatch, image size, `cpu_moe`, length of drafts or build is not
used.
"""

import dataclasses
from collections.abc import Callable, Sequence

from plan.config.measured import Measured
from plan.config.numbers import expert_layers
from plan.vram.estimate import Breakdown, Serving, VramError

# One reading differs from the next by that much: pools grow with prompts, and memory is given out in steps of 2 MiB.
_SHARE, _MORE_MIB = 1.02, 64
_DRIFT = 0.05


def calibrated(
    estimate: Callable[[Serving], Breakdown], serving: Serving, measured: Sequence[Measured], has_projector: bool
) -> Breakdown:
    """The estimate, or what the newest measurement that fits says; raises VramError for one that cannot be true."""
    found = [m for m in measured if _same_but_context(m, serving, has_projector)]
    if not found:
        return estimate(serving)
    newest = max(found, key=lambda m: (m.total_tokens == serving.total_tokens, m.date))
    try:
        wanted, then = estimate(serving), estimate(dataclasses.replace(serving, total_tokens=newest.total_tokens))
    except VramError:
        if not (enough := [m for m in found if m.total_tokens >= serving.total_tokens]):
            raise
        return _whole(min(enough, key=lambda m: (m.total_tokens, -m.date.toordinal())))
    exact = then.weights_mib + then.kv_mib + then.state_mib + then.mmproj_weights_mib
    if newest.mib < (least := exact + then.draft_weights_mib + then.draft_cache_mib):
        raise VramError(
            f"{newest.mib} MiB measured on {newest.date} at {newest.total_tokens} tokens is less than weights and "
            f"cache alone, {least:.0f} MiB: the model was not whole on the card then. Remove that entry, or measure "
            "again"
        )
    total = newest.mib + wanted.total_mib - then.total_mib
    drift = abs(then.total_mib - newest.mib) / newest.mib
    note = f"{newest.mib} MiB measured on {newest.date} differ by {drift:.0%} from what its facts give"
    return dataclasses.replace(
        wanted,
        context_mib=wanted.context_mib + newest.mib - then.total_mib,
        upper_mib=total * _SHARE + _MORE_MIB,
        source="measured",
        notes=(*wanted.notes, *((note,) if drift > _DRIFT else ())),
    )


def _whole(m: Measured) -> Breakdown:
    """What a measurement alone tells, for a model whose memory cannot be computed."""
    most = f"what was measured at {m.total_tokens} tokens counts, which is the most for it"
    note = f"its memory cannot be computed, so {most}"
    upper = m.mib * _SHARE + _MORE_MIB
    return Breakdown(m.mib, 0, 0, 0, 0, 0, 0, upper_mib=upper, source="measured", notes=(note,))


def _same_but_context(m: Measured, serving: Serving, has_projector: bool) -> bool:
    image = serving.image_max_tokens if has_projector else None
    build = m.build is None or serving.build is None or m.build == serving.build
    experts = expert_layers(m.cpu_moe)
    return build and (m.kv_type, m.parallel, m.kv_unified, m.ubatch, experts, m.image_max_tokens, m.drafted) == (
        serving.kv_type,
        serving.parallel,
        serving.unified,
        serving.ubatch,
        serving.expert_layers,
        image,
        serving.drafted,
    )
