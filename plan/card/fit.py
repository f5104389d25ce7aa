"""Whether everything that may be on the card at once fits on it, counted before anything is deployed.

What may be there at once: the largest model of each swap group with all resident ones, every tenant at its declared
peak, and the reserve. plan/models/residency.py says why nothing that starts is counted beside them.
"""

import datetime
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from plan import config
from plan.base.errors import ConfigError
from plan.card.configured_card import card as configured_card
from plan.card.model_rules import model_problems
from plan.card.tenants import held_mib, require_open_windows
from plan.models.engine_builds import image_build
from plan.models.lock import LockedModel
from plan.models.residency import residents, swap_groups
from plan.vram.calibration import calibrated
from plan.vram.cards import Card
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from plan.vram.largest_context import largest_context

Locked = Mapping[str, LockedModel]


@dataclass(frozen=True, slots=True)
class Row:
    """One holder of the card, whole MiB; `source` says where the figure comes from."""

    who: str
    mib: int
    kind: Literal["model", "tenant", "reserve"]
    source: str


@dataclass(frozen=True, slots=True)
class Fit:
    """Who may hold how much of the card at once, MiB.

    `resident` are the ids of the largest set that may be loaded together, `needed_mib` what these hold: the server
    pod's share. `over_mib` is at most 0 where everything fits. `largest_context` is, by model, the most tokens of
    `context` with which it would fit beside all others, None where none would; empty where everything fits, unless
    it was asked for.
    """

    card: Card
    rows: tuple[Row, ...]
    models: Mapping[str, Breakdown]
    resident: tuple[str, ...]
    needed_mib: int
    used_mib: int
    capacity_mib: int
    over_mib: int
    largest_context: Mapping[str, int | None]
    notes: tuple[str, ...]


def plan_fit(stack: config.Stack, locked: Locked, today: datetime.date, *, with_contexts: bool = False) -> Fit | None:
    """Count the card of a stack; None where it has none. Raises ConfigError for what cannot be counted or served.

    Whether it fits is the caller's question: `require_fit` in plan/card/fit_table.py refuses what does not.
    """
    require_open_windows(stack.gpu, today)
    card = configured_card(stack.gpu)
    if problems := model_problems(stack.models, locked, card):
        raise ConfigError.of(problems)
    if card is None:
        return None
    models = {model_id: _breakdown(model_id, stack, locked, card) for model_id in sorted(stack.models)}
    resident = _largest_set(stack, models)
    others = (*_tenants(stack.gpu, today), Row("gpu.reserve_mib", stack.gpu.reserve_mib, "reserve", "stays free"))
    rows = (*(Row(m, _whole(models[m]), "model", models[m].source) for m in resident), *others)
    used = sum(row.mib for row in rows)
    over, free = used - card.capacity_mib, card.capacity_mib - sum(row.mib for row in others)
    # Searched only for whoever reads them: they cost a preview ten times what all else does.
    searched = with_contexts or over > 0
    return Fit(
        card=card,
        rows=rows,
        models=models,
        resident=resident,
        needed_mib=sum(_whole(models[model_id]) for model_id in resident),
        used_mib=used,
        capacity_mib=card.capacity_mib,
        over_mib=over,
        largest_context=_largest_contexts(stack, locked, card, models, free) if searched else {},
        notes=_notes(models),
    )


def room_mib(fit: Fit, stack: config.Stack, model_id: str) -> int:
    """What the card has for this model beside everyone else that may be on it; below 0 where that is too much."""
    return _room(stack, fit.models, model_id, fit.capacity_mib - (fit.used_mib - fit.needed_mib))


def _room(stack: config.Stack, models: Mapping[str, Breakdown], model_id: str, free_mib: int) -> int:
    beside = [m for m in _largest_set(stack, models, without=model_id) if m != model_id]
    return free_mib - sum(_whole(models[m]) for m in beside)


def _notes(models: Mapping[str, Breakdown]) -> tuple[str, ...]:
    """What there is to know of the figures; a sentence that several models share is said once."""
    ids: dict[str, list[str]] = {}
    for model_id, breakdown in models.items():
        for note in breakdown.notes:
            ids.setdefault(note, []).append(model_id)
    return tuple(f"{', '.join(of)}: {note}" for note, of in ids.items())


def _whole(breakdown: Breakdown) -> int:
    return math.ceil(breakdown.upper_mib)


def _largest_set(stack: config.Stack, models: Mapping[str, Breakdown], without: str | None = None) -> tuple[str, ...]:
    """Ids, the largest of each group; of the group of `without` none."""
    turns = [members for members in swap_groups(stack.models).values() if without not in members]
    return (*residents(stack.models), *(max(members, key=lambda m: models[m].upper_mib) for members in turns))


def _tenants(gpu: config.Gpu, today: datetime.date) -> tuple[Row, ...]:
    held = {name: held_mib(tenant, today) for name, tenant in sorted(gpu.tenants.items())}
    return tuple(Row(name, mib, "tenant", source) for name, (mib, source) in held.items())


def _estimator(stack: config.Stack, model_id: str, locked: Locked, card: Card) -> Callable[[int], Breakdown]:
    """What a model takes with so many tokens of one request; raises VramError where nobody can tell."""
    model, files = stack.models[model_id], locked[model_id]
    sizes, build = files.bytes_by_role, image_build(stack.server.image)

    def derived(serving: Serving) -> Breakdown:
        return estimate(files.gguf, sizes, serving, card, files.quant)

    def at(request_tokens: int) -> Breakdown:
        serving = Serving(
            total_tokens=config.total_tokens(request_tokens, model.parallel),
            kv_type=model.kv_type,
            parallel=model.parallel,
            ubatch=model.ubatch,
            image_max_tokens=stack.server.image_max_tokens,
            build=build,
        )
        return calibrated(derived, serving, model.measured, "mmproj" in sizes)

    return at


def _breakdown(model_id: str, stack: config.Stack, locked: Locked, card: Card) -> Breakdown:
    try:
        return _estimator(stack, model_id, locked, card)(stack.models[model_id].request_tokens)
    except VramError as error:
        got = f"{locked[model_id].gguf.shape.architecture} with context {stack.models[model_id].request_tokens}"
        raise ConfigError(f"{config.KEY}.models.{model_id}", got, f"{error}.") from None


def _largest_contexts(
    stack: config.Stack, locked: Locked, card: Card, models: Mapping[str, Breakdown], free_mib: int
) -> dict[str, int | None]:
    groups = (*swap_groups(stack.models).values(), *((model_id,) for model_id in residents(stack.models)))
    rooms = {
        model_id: room for group in groups for room in (_room(stack, models, group[0], free_mib),) for model_id in group
    }
    found: dict[str, int | None] = {}
    for model_id, model in sorted(stack.models.items()):
        trained = locked[model_id].gguf.shape.context_length or model.request_tokens
        largest = largest_context(_estimator(stack, model_id, locked, card), rooms[model_id], trained)
        # An image alone may fill that many, and plan/engine/flags.py refuses it.
        too_small = stack.server.image_max_tokens if model.mmproj else 0
        found[model_id] = largest if largest and largest > too_small else None
    return found
