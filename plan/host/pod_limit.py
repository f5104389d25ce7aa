"""Whether the server's pod may take as much memory as its processes do: over the limit, the kernel kills one."""

import math
from collections.abc import Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.host.process_memory import HostMemory, host_memory
from plan.models.lock import LockedModel
from plan.models.residency import residents, swap_groups

_POD_MIB = 128  # llama-swap or the router, and the shell that starts it


def require_host_memory(stack: config.Stack, locked: Mapping[str, LockedModel]) -> None:
    """Raise ConfigError, with who takes what, where `server.memory_limit_mib` is too small for what may be loaded.

    That is each resident model and the largest of each swap group, as on the card.
    """
    on_card = stack.gpu.model != "none"
    taken = {
        model_id: host_memory(model, locked[model_id], stack.server, on_card=on_card)
        for model_id, model in sorted(stack.models.items())
    }
    groups = [*((model_id,) for model_id in residents(stack.models)), *swap_groups(stack.models).values()]
    together = [max(members, key=lambda model_id: taken[model_id].total) for members in groups]
    needed = _POD_MIB + sum(math.ceil(taken[model_id].total) for model_id in together)
    limit = stack.server.memory_limit_mib
    if needed <= limit:
        return
    raise ConfigError(
        f"{config.KEY}.server.memory_limit_mib",
        limit,
        f"Its processes may take {needed} MiB of the machine's memory together, and the kernel kills one that goes "
        f"over the limit:{_table({model_id: taken[model_id] for model_id in together}, needed)}\n"
        f"Write `memory_limit_mib: {needed}` there or more, or less of `cache_ram_mib`, `ctx_checkpoints` or "
        "`parallel` for the model that takes most.",
    )


def _table(taken: Mapping[str, HostMemory], needed: int) -> str:
    """A line for each process, and the sum, each after a newline."""
    width = max(len(who) for who in (*taken, "llama-swap"))
    rows = [(model_id, math.ceil(its.total), _parts(its)) for model_id, its in taken.items()]
    lines = [*rows, ("the engine", _POD_MIB, ""), ("together", needed, "")]
    return "".join(f"\n  {mib:>8} MiB  {who:<{width}}  {what}".rstrip() for who, mib, what in lines)


def _parts(its: HostMemory) -> str:
    parts = {
        "of the model itself": its.model,
        "of saved prompts": its.prompts,
        "of checkpoints": its.checkpoints,
        "of the program": its.program,
    }
    return ", ".join(f"{mib:.0f} {what}" for what, mib in parts.items() if round(mib))
