"""The card that is shared: what it holds, and whether its declared tenants leave room at all."""

from plan import config
from plan.errors import ConfigError

# What nvidia-smi calls memory.total.
CARD_MIB = {"t4": 15360}


def require_room(gpu: config.Gpu) -> None:
    """Raise ConfigError where the tenants' peaks and the reserve are the whole card: then no model ever loads."""
    if gpu.model not in CARD_MIB:
        return
    card_mib = CARD_MIB[gpu.model]
    rows = {**{name: tenant.peak_mib for name, tenant in sorted(gpu.tenants.items())}, "reserve_mib": gpu.reserve_mib}
    if (total_mib := sum(rows.values())) >= card_mib:
        listed = ", ".join(f"{name} {mib}" for name, mib in rows.items())
        raise ConfigError(
            f"{config.KEY}.gpu.tenants",
            f"{total_mib} MiB",
            f"The card has {card_mib} MiB, which these fill: {listed}. Lower a tenant's peak.",
        )
