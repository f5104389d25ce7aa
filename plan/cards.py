"""The cards we know: what each holds, and what one process of llama-server costs on it before a model is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """`total_mib` is nvidia-smi's memory.total. `context_mib` is a CUDA context with its pools, `context_upper_mib`
    the most it was seen to be, both for one process. `compute_capability` as NVIDIA numbers it, times ten.
    """

    name: str
    total_mib: int
    context_mib: int
    context_upper_mib: int
    compute_capability: int


CARDS = {
    "t4": Card("t4", total_mib=15360, context_mib=125, context_upper_mib=200, compute_capability=75),
    "rtx-3070": Card("rtx-3070", total_mib=8192, context_mib=170, context_upper_mib=250, compute_capability=86),
}
