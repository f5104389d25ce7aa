"""Whether everything that may be on the card at once fits on it, counted before anything is deployed.

What may be there at once: the largest model of each swap group with all resident ones, every tenant at its declared
peak, and the reserve. plan/models/residency.py says why nothing that starts is counted beside them.
"""

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plan import config
from plan.base.errors import ConfigError
from plan.card.card_notes import card_notes
from plan.card.configured_card import card as configured_card
from plan.card.measured_days import require_past
from plan.card.model_memory import Locked, breakdown, most_tokens
from plan.card.model_rules import model_problems
from plan.card.tenants import held_mib, require_open_windows
from plan.catalogue.card import Card
from plan.models.engine_builds import image_build, router_holds_context
from plan.models.residency import residents, swap_groups
from plan.vram.estimate import Breakdown

Models = Mapping[str, Breakdown]


@dataclass(frozen=True, slots=True)
class Row:
    """One holder of the card, whole MiB; `source` says where the figure comes from."""

    who: str
    mib: int
    kind: Literal["model", "tenant", "reserve", "router"]
    source: str


@dataclass(frozen=True, slots=True)
class SwapGroup:
    """Ids of models of which one at a time is loaded; a resident model is alone in its group.

    `room_mib` is what the card has for one of them beside everyone else who may be on it; below 0 where these alone
    are too much.
    """

    members: tuple[str, ...]
    room_mib: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Who may hold how much of the card at once, MiB.

    `resident` are the ids of the largest set that may be loaded together, `needed_mib` is what these hold, and
    `router_mib` what llama.cpp's router holds beside them. `room_mib` is what all others leave to the models,
    `over_mib` at most 0 where everything fits. `largest_context` is, by model, the most tokens of `context` with which
    it would fit beside all others, None where it fits with none; empty where everything fits, unless `plan_fit` was
    told to search.
    """

    card: Card
    rows: tuple[Row, ...]
    models: Models
    groups: tuple[SwapGroup, ...]
    resident: tuple[str, ...]
    needed_mib: int
    used_mib: int
    capacity_mib: int
    room_mib: int
    over_mib: int
    largest_context: Mapping[str, int | None]
    notes: tuple[str, ...]

    @property
    def card_notes(self) -> tuple[str, ...]:
        """What a reader has to know of the card; `notes` are about the models."""
        return tuple(card_notes(self.card, self.models))

    @property
    def router_mib(self) -> int:
        return sum(row.mib for row in self.rows if row.kind == "router")

    @property
    def server_mib(self) -> int:
        """The most that the server's pod may hold."""
        return self.needed_mib + self.router_mib


def plan_fit(stack: config.Stack, locked: Locked, today: datetime.date, *, with_contexts: bool = False) -> Fit | None:
    """Count the card of a stack; None where it has none. Raises ConfigError for what cannot be counted or served.

    A stack that does not fit is refused by `require_fit` in plan/card/fit_table.py, not here. `with_contexts` searches
    `largest_context` also where everything fits.
    """
    require_past(stack, today)
    require_open_windows(stack.gpu, today)
    card = configured_card(stack.gpu)
    if problems := model_problems(stack.models, locked, card):
        raise ConfigError.of(problems)
    if card is None:
        return None
    models = {model_id: breakdown(model_id, stack, locked, card) for model_id in sorted(stack.models)}
    reserve = Row("gpu.reserve_mib", stack.gpu.reserve_mib, "reserve", "stays free")
    others = (*_tenants(stack.gpu, today), *_router(stack.server, card), reserve)
    room = card.capacity_mib - sum(row.mib for row in others)
    groups = _swap_groups(stack.models, models, room)
    resident = tuple(_largest(group.members, models) for group in groups)
    needed = needed_mib(stack.models, models)
    # Only where someone reads them: searching costs a preview ten times as much as everything else.
    searched = groups if with_contexts or needed > room else ()
    return Fit(
        card=card,
        rows=(*(Row(m, _whole(models[m]), "model", _source(models[m])) for m in resident), *others),
        models=models,
        groups=groups,
        resident=resident,
        needed_mib=needed,
        used_mib=needed + sum(row.mib for row in others),
        capacity_mib=card.capacity_mib,
        room_mib=room,
        over_mib=needed - room,
        largest_context=_largest_contexts(searched, stack, locked, card),
        notes=_notes(models),
    )


def needed_mib(configured: Mapping[str, config.Model], models: Models) -> int:
    """What the largest set of models that may be loaded together holds, MiB."""
    return sum(_whole(models[_largest(members, models)]) for members in _together(configured))


def _notes(models: Models) -> tuple[str, ...]:
    """What a reader has to know of the figures; a sentence that several models share is written once."""
    ids: dict[str, list[str]] = {}
    for model_id, its in models.items():
        for note in its.notes:
            ids.setdefault(note, []).append(model_id)
    return tuple(f"{', '.join(of)}: {note}" for note, of in ids.items())


def _source(its: Breakdown) -> str:
    elsewhere = f"; {its.host_experts_mib:.0f} MiB of experts are not on it" if its.host_experts_mib else ""
    return f"{its.source}{elsewhere}"


def _whole(its: Breakdown) -> int:
    return math.ceil(its.upper_mib)


def _largest(members: tuple[str, ...], models: Models) -> str:
    return max(members, key=lambda model_id: models[model_id].upper_mib)


def _together(configured: Mapping[str, config.Model]) -> list[tuple[str, ...]]:
    """Ids by group, of each of which one is loaded at a time; residents first, each alone."""
    return [*((model_id,) for model_id in residents(configured)), *swap_groups(configured).values()]


def _swap_groups(configured: Mapping[str, config.Model], models: Models, room_mib: int) -> tuple[SwapGroup, ...]:
    """The room of each group is what the largest model of every other one leaves."""
    members = _together(configured)
    held = [_whole(models[_largest(ids, models)]) for ids in members]
    return tuple(SwapGroup(ids, room_mib - (sum(held) - mib)) for ids, mib in zip(members, held, strict=True))


def _tenants(gpu: config.Gpu, today: datetime.date) -> tuple[Row, ...]:
    held = {name: held_mib(tenant, today) for name, tenant in sorted(gpu.tenants.items())}
    return tuple(Row(name, mib, "tenant", source) for name, (mib, source) in held.items())


def _router(server: config.Server, card: Card) -> tuple[Row, ...]:
    """The context of the engine's own process, which has no model; llama-swap uses no card."""
    build = image_build(server.image)
    if server.engine == "llama-swap" or not router_holds_context(build):
        return ()
    source = f"a context without a model, in llama.cpp {f'b{build}' if build else 'of a build that no tag tells'}"
    return (Row("server.engine", card.context_upper_mib, "router", source),)


def _largest_contexts(
    groups: tuple[SwapGroup, ...], stack: config.Stack, locked: Locked, card: Card
) -> dict[str, int | None]:
    rooms = {model_id: group.room_mib for group in groups for model_id in group.members}
    return {
        model_id: most_tokens(model_id, stack, locked, card, room_mib) for model_id, room_mib in sorted(rooms.items())
    }
