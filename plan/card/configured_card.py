"""The card that is shared, as the configuration describes it."""

import dataclasses
from typing import Any

from plan import config
from plan.base.errors import ConfigError
from plan.catalogue.card import Card, driver_bound
from plan.catalogue.cards import CARDS

# The largest CUDA context over the usual one, where the configuration has only that: of a T4.
_CONTEXT_UPPER = 1.6


def card(gpu: config.Gpu) -> Card | None:
    """The card with the figures that `gpu.card` overrides; None where no card is behind the slice.

    Raises ConfigError where the largest CUDA context is smaller than the usual one, and where nothing is left for
    processes.
    """
    if gpu.model == "none":
        return None
    said = gpu.card.model_dump(exclude_none=True)
    if "compute_capability" in said:
        said["compute_capability"] = round(said["compute_capability"] * 10)
    if "context_mib" in said:
        said.setdefault("context_upper_mib", round(said["context_mib"] * _CONTEXT_UPPER))
    known = CARDS.get(gpu.model)
    described = _overridden(known, said) if known else _by_its_figures(gpu.model, said)
    if described.context_upper_mib < described.context_mib:
        rule = f"The largest context is no smaller than context_mib, {described.context_mib}. Write that or more"
        raise ConfigError(f"{config.KEY}.gpu.card.context_upper_mib", described.context_upper_mib, f"{rule}.")
    if described.capacity_mib <= 0:
        key = "driver_mib" if "driver_mib" in said else "total_mib"
        rule = f"Of {described.total_mib} MiB the driver keeps {described.driver_mib}, so no process could have any"
        fix = "Write nvidia-smi's memory.total as total_mib, and its memory.reserved as driver_mib"
        raise ConfigError(f"{config.KEY}.gpu.card.{key}", said[key], f"{rule}. {fix}.")
    return described


def _overridden(known: Card, said: dict[str, Any]) -> Card:
    """A card of the catalogue; what is said is no bound any more."""
    bounds: dict[str, int] = {}
    if "driver_mib" in known.bounded and "total_mib" in said:
        bounds["driver_mib"] = driver_bound(said["total_mib"])
    if "context_mib" in known.bounded and "context_upper_mib" in said:
        bounds["context_mib"] = min(known.context_mib, said["context_upper_mib"])
    measured = {*said, "context_mib"} if "context_upper_mib" in said else {*said}
    bounded = tuple(key for key in known.bounded if key not in measured)
    return dataclasses.replace(known, bounded=bounded, **{**bounds, **said})


def _by_its_figures(name: str, said: dict[str, Any]) -> Card:
    """A card that is not in the catalogue; the configuration has what cannot be bounded (plan/config/gpu.py)."""
    bounds = {} if "driver_mib" in said else {"driver_mib": driver_bound(said["total_mib"])}
    figures: dict[str, Any] = {"compute_capability": None, **bounds, **said}
    return Card(name, bounded=tuple(bounds), **figures)
