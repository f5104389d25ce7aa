"""What a reader of a plan has to know of its card: figures that nobody measured, and rules that do not apply to it."""

from collections.abc import Iterator, Mapping

from plan import config
from plan.catalogue.card import VENDORS, Card
from plan.vram.estimate import Breakdown


def card_notes(card: Card, models: Mapping[str, Breakdown]) -> Iterator[str]:
    """Sentences about the card, each with the key that mends it; `models` are those that it has to hold."""
    key = f"{config.KEY}.gpu.card"
    if "driver_mib" in card.bounded:
        yield (
            f"What the driver keeps of gpu.model {card.name} is bounded to {card.driver_mib} MiB, not measured: "
            f"{key}.driver_mib takes nvidia-smi's memory.reserved."
        )
    if "context_mib" in card.bounded and any(its.source != "measured" for its in models.values()):
        yield (
            f"The CUDA context of each process on gpu.model {card.name} is bounded to {card.context_upper_mib} MiB, "
            f"not measured: {key}.context_mib takes what nvidia-smi shows of a llama-server, less its model."
        )
    if card.name in VENDORS:
        yield (
            f"gpu.model {card.name} has no compute capability: no rule refuses a quantized KV cache, whose speed there "
            "nobody measured. Compute buffers are counted as CUDA allocates them; measure each model."
        )
