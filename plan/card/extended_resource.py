"""GPU memory as Kubernetes counts it: what the server's pod requests of an extended resource, and who advertises that.

plan/card/fit.py says what the server needs; plan/live/live_memory.py, what other pods leave of it at this moment.
"""

import datetime
from dataclasses import dataclass

from plan import config
from plan.base.errors import ConfigError
from plan.card.advertiser import AdvertiserPlan, plan_advertiser
from plan.card.tenants import is_away
from plan.kubernetes.quantity import count_quantity

KEY = f"{config.KEY}.gpu.memory"


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """`request` is `request_mib` as the API server writes it; `advertiser` is None where someone else advertises."""

    resource: str
    request: str
    request_mib: int
    budget_mib: int
    advertiser: AdvertiserPlan | None


def plan_memory(
    stack: config.Stack, needed_mib: int | None, capacity_mib: int | None, today: datetime.date
) -> MemoryPlan | None:
    """None without gpu.memory. `needed_mib` is what the server may hold, `capacity_mib` what pods can have of the card.

    Each is None where no card is behind the slice. Raises ConfigError for sums that no node could keep.
    """
    memory = stack.gpu.memory
    if memory is None:
        return None
    request_mib = _request_mib(memory, needed_mib)
    if capacity_mib is not None:
        _require_card(stack.gpu, memory, capacity_mib)
    _require_budget(stack.gpu, memory, request_mib, today)
    return MemoryPlan(
        resource=memory.resource,
        request=count_quantity(request_mib),
        request_mib=request_mib,
        budget_mib=memory.budget_mib,
        advertiser=plan_advertiser(stack, memory) if memory.advertise == "managed" else None,
    )


def _request_mib(memory: config.Memory, needed_mib: int | None) -> int:
    key = f"{KEY}.request_mib"
    if needed_mib is None:
        if memory.request_mib is None:
            rule = (
                "Without a card (gpu.model: none) the models' need cannot be computed: write how many MiB to request."
            )
            raise ConfigError(key, None, rule)
        return memory.request_mib
    if memory.request_mib is not None and memory.request_mib < needed_mib:
        rule = (
            f"The models that may be loaded at once need {needed_mib} MiB, KV cache, compute and CUDA context included"
        )
        raise ConfigError(
            key, memory.request_mib, f"{rule}. Remove the key, which requests that much, or write {needed_mib} or more."
        )
    return needed_mib if memory.request_mib is None else memory.request_mib


def _require_card(gpu: config.Gpu, memory: config.Memory, capacity_mib: int) -> None:
    if memory.budget_mib > (most_mib := capacity_mib - gpu.reserve_mib):
        rule = f"Pods can have {capacity_mib} MiB of the card, and gpu.reserve_mib keeps {gpu.reserve_mib} of them free"
        raise ConfigError(f"{KEY}.budget_mib", memory.budget_mib, f"{rule}. Write {most_mib} or less.")


def _require_budget(gpu: config.Gpu, memory: config.Memory, request_mib: int, today: datetime.date) -> None:
    present = {name: it for name, it in gpu.tenants.items() if not is_away(it, today)}
    rows = {"this server": request_mib} | {name: it.request_mib for name, it in present.items() if it.request_mib}
    if (over_mib := sum(rows.values()) - memory.budget_mib) <= 0:
        return
    listed = ", ".join(f"{who} {mib}" for who, mib in sorted(rows.items(), key=lambda row: (-row[1], row[0])))
    rule = f"It is {over_mib} MiB less than what pods request of {memory.resource}: {listed}"
    fix = "Give the models less context or choose smaller ones, lower what a tenant requests, or raise the budget"
    raise ConfigError(f"{KEY}.budget_mib", memory.budget_mib, f"{rule}. {fix}.")
