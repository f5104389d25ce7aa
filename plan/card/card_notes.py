"""What a reader of a plan has to know of its card: figures that nobody measured, and rules that do not apply to it."""

from collections.abc import Iterator, Mapping

from plan import config
from plan.catalogue.card import VENDORS, Card
from plan.catalogue.cards import CARDS
from plan.catalogue.names import OTHER
from plan.vram.estimate import Breakdown

_WITHOUT_ECC = (
    1.08  # of what a card has with error correction, which takes a sixteenth of a P40 (plan/catalogue/cards.py)
)


def card_notes(card: Card, models: Mapping[str, Breakdown]) -> Iterator[str]:
    """Sentences about the card, each with the key that mends it; `models` are those that it has to hold."""
    key = f"{config.KEY}.gpu.card"
    if known := CARDS.get(card.name):
        yield from _of_another_card(card, known, key)
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


def _of_another_card(card: Card, known: Card, key: str) -> Iterator[str]:
    """What a figure of the configuration says that no card of that name has: a slip of the pen would overfill it."""
    if card.total_mib > known.total_mib * _WITHOUT_ECC:
        yield (
            f"{key}.total_mib says {card.total_mib} MiB, and a {card.name} has {known.total_mib}: "
            f"compare it with nvidia-smi's memory.total, and describe another card as gpu.model {OTHER}."
        )
    if (number := card.compute_capability) != known.compute_capability and number and known.compute_capability:
        yield (
            f"{key}.compute_capability says {number / 10:.1f}, and a {card.name} has "
            f"{known.compute_capability / 10:.1f}: leave it out, and describe another card as gpu.model {OTHER}."
        )
