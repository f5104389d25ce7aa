"""Whether the server's pod may take as much memory as its processes do: over the limit, the kernel kills one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.base.errors import ConfigError
from plan.host.process_memory import STRICT_FROM, HostMemory, host_memory
from plan.models.engine_builds import image_build
from plan.models.lock import LockedModel
from plan.models.residency import residents, swap_groups

_PROMPTS_MIB = 512  # llama-server's own 8 GiB a process do not fit beside a model in the pod's limit
_POD_MIB = 128  # llama-swap or the router, and the shell that starts it


@dataclass(frozen=True, slots=True)
class HostPlan:
    """`prompts_mib` is the --cache-ram of each model, by id."""

    prompts_mib: Mapping[str, int]
    notes: tuple[str, ...]


def plan_host_memory(stack: config.Stack, locked: Mapping[str, LockedModel]) -> HostPlan:
    """What each process keeps of earlier prompts, so that all fit into `server.memory_limit_mib`.

    Raises ConfigError, with who takes what, where what may be loaded does not fit even so: each resident model and the
    largest of each swap group, as on the card.
    """
    usual, none = ({key: _said(model, its) for key, model in stack.models.items()} for its in (_PROMPTS_MIB, 0))
    limit, (needed, _) = stack.server.memory_limit_mib, _together(stack, locked, usual)
    if needed <= limit:
        return HostPlan(usual, ())
    least, table = _together(stack, locked, none)
    if least <= limit:
        return HostPlan(none, (_without(stack.models, needed, limit),))
    raise ConfigError(
        f"{config.KEY}.server.memory_limit_mib",
        limit,
        f"Its processes may take {least} MiB of the machine's memory together, and the kernel kills one that goes "
        f"over the limit:{table}\nWrite `memory_limit_mib: {least}` there or more, or less of `context`, `parallel` or "
        f"`ctx_checkpoints` for the model that takes most.{_why_so_many(stack)}",
    )


def _why_so_many(stack: config.Stack) -> str:
    """Experts that are not on the card; and saved prompts, where somebody wants them kept."""
    experts = " Or a smaller `cpu_moe`." if any(model.cpu_moe for model in stack.models.values()) else ""
    return experts + _of_prompts(stack)


def _of_prompts(stack: config.Stack) -> str:
    if not any(model.cache_ram_mib for model in stack.models.values()):
        return ""
    build = image_build(stack.server.image)
    if build is not None and build >= STRICT_FROM:
        return " Or less of `cache_ram_mib`."
    return (
        f" Or `cache_ram_mib: 0`: before b{STRICT_FROM} the prompt that is saved last is kept however long it is, and "
        "saved beside the one before."
    )


def _said(model: config.Model, default: int) -> int:
    return default if model.cache_ram_mib is None else model.cache_ram_mib


def _without(models: Mapping[str, config.Model], needed: int, limit: int) -> str:
    ids = ", ".join(sorted(key for key, model in models.items() if model.cache_ram_mib is None))
    what = f"No prompts of earlier requests are kept ({ids})"
    why = f"with them the processes may take {needed} MiB, and server.memory_limit_mib is {limit}"
    return f"{what}: {why}. `cache_ram_mib` of a model says how much, where there is room."


def _together(
    stack: config.Stack, locked: Mapping[str, LockedModel], prompts_mib: Mapping[str, int]
) -> tuple[int, str]:
    """MiB of all that may be loaded at once, and the table of it."""
    on_card = stack.gpu.model != "none"
    taken = {
        model_id: host_memory(model, locked[model_id], stack.server, prompts_mib[model_id], on_card=on_card)
        for model_id, model in sorted(stack.models.items())
    }
    groups = [*((model_id,) for model_id in residents(stack.models)), *swap_groups(stack.models).values()]
    largest = {max(members, key=lambda model_id: taken[model_id].total) for members in groups}
    needed = _POD_MIB + sum(math.ceil(taken[model_id].total) for model_id in largest)
    return needed, _table({model_id: taken[model_id] for model_id in sorted(largest)}, needed)


def _table(taken: Mapping[str, HostMemory], needed: int) -> str:
    """A line for each process, and the sum, each after a newline."""
    width = max(len(who) for who in (*taken, "llama-swap"))
    rows = [(model_id, math.ceil(its.total), _parts(its)) for model_id, its in taken.items()]
    lines = [*rows, ("the engine", _POD_MIB, ""), ("together", needed, "")]
    return "".join(f"\n  {mib:>8} MiB  {who:<{width}}  {what}".rstrip() for who, mib, what in lines)


def _parts(its: HostMemory) -> str:
    parts = {
        "of the model itself": its.model,
        "of its experts": its.experts,
        "of saved prompts": its.prompts,
        "of checkpoints": its.checkpoints,
        "of the program": its.program,
    }
    return ", ".join(f"{mib:.0f} {what}" for what, mib in parts.items() if round(mib))
