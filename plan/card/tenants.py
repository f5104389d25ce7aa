"""What the other tenants of the card hold on a day: a maintenance window has an end, and is refused after it."""

import datetime

from plan import config
from plan.base.errors import ConfigError


def is_away(tenant: config.Tenant, today: datetime.date) -> bool:
    """Whether it is declared scaled to zero on that day."""
    return tenant.scaled_to_zero_until is not None and today <= tenant.scaled_to_zero_until


def held_mib(tenant: config.Tenant, today: datetime.date) -> tuple[int, str]:
    """The most it may hold, MiB, and where the figure comes from."""
    if is_away(tenant, today):
        return 0, f"declared scaled to zero until {tenant.scaled_to_zero_until}"
    if tenant.measured is not None and tenant.measured.mib == tenant.peak_mib:
        return tenant.peak_mib, f"measured on {tenant.measured.date}"
    return tenant.peak_mib, "declared peak"


def require_open_windows(gpu: config.Gpu, today: datetime.date) -> None:
    """Raise ConfigError with every window that has ended: replicas were once left at 0 unnoticed."""
    ended = [
        ConfigError(
            f"{config.KEY}.gpu.tenants.{name}.scaled_to_zero_until",
            str(tenant.scaled_to_zero_until),
            f"The window has ended. Scale {tenant.workload or name} up again and remove the key, with whatever needed "
            f"its {tenant.peak_mib} MiB; or write a later day.",
        )
        for name, tenant in sorted(gpu.tenants.items())
        if tenant.scaled_to_zero_until is not None and today > tenant.scaled_to_zero_until
    ]
    if ended:
        raise ConfigError.of(ended)


def window_notes(gpu: config.Gpu, today: datetime.date) -> tuple[str, ...]:
    """One sentence for each open window, so that no preview hides it."""
    return tuple(
        f"gpu.tenants.{name} counts as 0 MiB, not {tenant.peak_mib}, until {tenant.scaled_to_zero_until}: "
        f"{tenant.workload or name} has to be at 0 replicas (this program does not scale it). "
        "Later previews are refused."
        for name, tenant in sorted(gpu.tenants.items())
        if is_away(tenant, today)
    )
