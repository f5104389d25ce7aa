"""What would make a stack fit that does not: changes of its file, of which each line alone is enough.

tests/plan/card/test_ways_out.py follows every line that is offered for stacks that nobody wrote.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plan import config
from plan.card.fit import Fit, SwapGroup, needed_mib
from plan.card.model_memory import Locked, least_experts, most_requests
from plan.models.ggml_types import bits
from plan.vram.types import MIB

_LEAST_BITS = 2  # of a weight; quantizations below that are hardly published, and answer nonsense


@dataclass(frozen=True, slots=True)
class Change:
    """A key below local-llm:stack and what to write there; no `value` means to take the key out."""

    key: str
    value: str = ""
    comment: str = ""

    def __str__(self) -> str:
        said = f"{self.key}: {self.value}" if self.value else f"without {self.key}"
        return f"{said} ({self.comment})" if self.comment else said


Way = tuple[Change, ...]


def ways_out(fit: Fit, stack: config.Stack, locked: Locked) -> Iterator[Way]:
    """Changes of which each way alone makes it fit: models that take turns first, then residents, then tenants."""
    groups = sorted(fit.groups, key=lambda group: stack.models[group.members[0]].resident)
    for group in groups:
        yield from _smaller_models(fit, stack, locked, group)
    yield from _taking_turns(fit, stack)
    yield from _smaller_tenants(fit, stack)


def _smaller_models(fit: Fit, stack: config.Stack, locked: Locked, group: SwapGroup) -> Iterator[Way]:
    """What has to become of each of the models that take turns, so that it fits beside everyone else."""
    large = [model_id for model_id in group.members if math.ceil(fit.models[model_id].upper_mib) > group.room_mib]
    found = {
        model_id: {
            "context": _context(model_id, fit, stack),
            "parallel": _parallel(model_id, fit, stack, locked, group.room_mib),
            "quant": _quant(model_id, fit, stack, locked, group.room_mib),
            "experts": _experts(model_id, fit, stack, locked, group.room_mib),
        }
        for model_id in large
    }
    ways = [tuple(found[model_id][kind] for model_id in large) for kind in ("context", "parallel", "quant", "experts")]
    whole = [tuple(change for change in way if change) for way in ways if all(way)]
    some = {model_id: [*filter(None, it.values())] for model_id, it in found.items()}
    fitting = [model_id for model_id in group.members if model_id not in large]
    yield from whole or (_with_removals(some, fitting, stack) if group.room_mib >= 0 else ())


def _with_removals(found: Mapping[str, list[Change]], fitting: list[str], stack: config.Stack) -> Iterator[Way]:
    """The first change of each model, and those that none helps taken out; a stack has one model at least."""
    out = [model_id for model_id, changes in found.items() if not changes]
    if len(out) == len(stack.models):
        return
    stays = f"{' and '.join(fitting)} {'fit' if fitting[1:] else 'fits'} as configured" if fitting else ""
    asked = [key for key, model in stack.models.items() if key not in out and model.fallback in out]
    gone = [*(f"models.{key}" for key in out), *(f"models.{key}.fallback" for key in sorted(asked))]
    removals = [Change(key, comment=stays if key == gone[-1] else "") for key in gone]
    yield (*(changes[0] for changes in found.values() if changes), *removals)


def _context(model_id: str, fit: Fit, stack: config.Stack) -> Change | None:
    largest, now = fit.largest_context[model_id], stack.models[model_id].request_tokens
    return Change(f"models.{model_id}.context", f"{largest}", f"it is {now}") if largest and largest < now else None


def _parallel(model_id: str, fit: Fit, stack: config.Stack, locked: Locked, room_mib: int) -> Change | None:
    most, now = most_requests(model_id, stack, locked, fit.card, room_mib), stack.models[model_id].parallel
    return Change(f"models.{model_id}.parallel", f"{most}", f"it is {now}") if most and most < now else None


def _quant(model_id: str, fit: Fit, stack: config.Stack, locked: Locked, room_mib: int) -> Change | None:
    """How large the file of another quantization may be: all of it on the card would fit, and less than it is."""
    its, now = fit.models[model_id], locked[model_id].bytes_by_role["model"] / MIB
    most, width = math.floor(room_mib - (its.upper_mib - its.weights_mib)), bits(locked[model_id].quant)
    # What was measured, and what bounds a missing fact, are of this quantization alone.
    unsure = its.source not in ("derived", "allocator") or stack.models[model_id].measured
    if unsure or not width or most < now * _LEAST_BITS / width:
        return None
    return Change(
        f"models.{model_id}.quant", f"one of {most} MiB or less", f"{locked[model_id].quant} has {math.ceil(now)}"
    )


def _experts(model_id: str, fit: Fit, stack: config.Stack, locked: Locked, room_mib: int) -> Change | None:
    least, weights = least_experts(model_id, stack, locked, fit.card, room_mib), locked[model_id].gguf.weights
    if least is None or weights is None:
        return None
    moved = sum(weights.expert_bytes[:least]) / MIB
    comment = f"their {moved:.0f} MiB have to fit into server.memory_limit_mib then"
    return Change(f"models.{model_id}.cpu_moe", f"{least}", comment)


@dataclass(frozen=True, slots=True)
class _Move:
    """A model that takes turns with more others than it does."""

    model_id: str
    update: Mapping[str, bool | str]
    change: Change


def _taking_turns(fit: Fit, stack: config.Stack) -> Iterator[Way]:
    """Each model that had better take turns with the others; all of them where one alone is not enough."""
    moves = list(_moves(stack))
    alone = [[move] for move in moves if _enough(fit, stack, [move])]
    together = [moves] if moves[1:] and not alone and _enough(fit, stack, moves) else []
    for chosen in alone or together:
        yield tuple(move.change for move in chosen)


def _moves(stack: config.Stack) -> Iterator[_Move]:
    """Residents, and what is not in the group that has the most members."""
    groups = Counter(model.swap_group for model in stack.models.values() if not model.resident)
    common = max(sorted(groups), key=lambda name: groups[name], default="")
    for model_id, model in sorted(stack.models.items()):
        if model.resident:
            yield _Move(model_id, {"resident": False}, Change(f"models.{model_id}.resident", "false"))
        elif model.swap_group != common:
            change = Change(f"models.{model_id}.swap_group", common, f"it is {model.swap_group}")
            yield _Move(model_id, {"swap_group": common}, change)


def _enough(fit: Fit, stack: config.Stack, moves: list[_Move]) -> bool:
    turns = {move.model_id: stack.models[move.model_id].model_copy(update=dict(move.update)) for move in moves}
    return needed_mib({**stack.models, **turns}, fit.models) <= fit.room_mib


def _smaller_tenants(fit: Fit, stack: config.Stack) -> Iterator[Way]:
    held = [row for row in fit.rows if row.kind == "tenant"]
    for row in held:
        tenant, peak_mib = stack.gpu.tenants[row.who], row.mib - fit.over_mib
        # A peak below what it holds at rest, or what was measured, is refused.
        if peak_mib >= max(1, tenant.idle_mib or 0, tenant.measured.mib if tenant.measured else 0):
            comment = f"it is {row.mib}; only if it is made to hold no more"
            yield (Change(f"gpu.tenants.{row.who}.peak_mib", f"{peak_mib}", comment),)
    for row in held:
        if row.mib >= fit.over_mib:
            comment = "while it is at 0 replicas"
            yield (Change(f"gpu.tenants.{row.who}.scaled_to_zero_until", "the last day", comment),)
