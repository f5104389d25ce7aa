"""The parts of a stack that the live cluster is compared with."""

import datetime
from dataclasses import dataclass

from plan import config
from plan.card.extended_resource import MemoryPlan
from plan.card.immich_ttl import TtlPatch, plan_ttl
from plan.live.tenancy import Tenancy, plan_tenancy
from plan.weights.volume import VolumePlan, plan_volume


@dataclass(frozen=True, slots=True)
class Expected:
    """`slices` are what the server requests."""

    tenancy: Tenancy
    slices: int
    volume: VolumePlan
    prune_mode: str
    immich: TtlPatch | None


def plan_expected(stack: config.Stack, memory: MemoryPlan | None, today: datetime.date) -> Expected:
    return Expected(
        tenancy=plan_tenancy(stack, memory, today),
        slices=stack.gpu.slice.count,
        volume=plan_volume(stack.volume, stack.namespace),
        prune_mode=stack.prune.mode,
        immich=plan_ttl(stack.immich) if stack.immich else None,
    )
