"""The card that is shared, as the configuration describes it."""

import dataclasses

from plan import config
from plan.base.errors import ConfigError
from plan.vram.cards import CARDS, Card

# The driver's share of a card that is not in plan/vram/cards.py: more than any there. `gpu.card.driver_mib` has the
# right figure.
_DRIVER_SHARE = 0.05
# The largest CUDA context over the usual one, on the cards we know.
_CONTEXT_UPPER = 1.6


def card(gpu: config.Gpu) -> Card | None:
    """The card with the figures that `gpu.card` overrides; None where no card is behind the slice.

    Raises ConfigError where the largest CUDA context is smaller than the usual one.
    """
    if gpu.model == "none":
        return None
    said = gpu.card.model_dump(exclude_none=True)
    if "compute_capability" in said:
        said["compute_capability"] = round(said["compute_capability"] * 10)
    if "context_mib" in said:
        said.setdefault("context_upper_mib", round(said["context_mib"] * _CONTEXT_UPPER))
    if known := CARDS.get(gpu.model):
        described = dataclasses.replace(known, **said)
    else:
        described = Card(gpu.model, **{"driver_mib": round(said["total_mib"] * _DRIVER_SHARE), **said})
    if described.context_upper_mib < described.context_mib:
        rule = f"The largest context is no smaller than context_mib, {described.context_mib}. Write that or more"
        raise ConfigError(f"{config.KEY}.gpu.card.context_upper_mib", described.context_upper_mib, f"{rule}.")
    return described
