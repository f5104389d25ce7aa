"""The cards we know: what each holds, and what one process of llama-server costs on it before a model is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """`total_mib` is nvidia-smi's memory.total. `context_mib` is a CUDA context with its pools, `context_upper_mib`
    the most it was seen to be, both for one process. `compute_capability` as NVIDIA numbers it, times ten.

    `driver_mib` of the total no process can have: it is the most that a driver was seen to keep, and it differs by
    driver (nvidia-smi's memory.reserved).
    """

    name: str
    total_mib: int
    context_mib: int
    context_upper_mib: int
    compute_capability: int
    driver_mib: int = 0

    @property
    def capacity_mib(self) -> int:
        """What all processes of the card may hold together: the total that CUDA sees."""
        return self.total_mib - self.driver_mib


CARDS = {
    # context_mib is fitted, for each card on one public figure of Qwen3-8B Q4_K_M: 6996 MiB at 16384 tokens on the T4
    # and 5878 to 5884 at 8192 on the RTX 3070, less what plan/vram/estimate.py gives for the model itself. So these two
    # figures do not prove it; context_upper_mib leaves room for pools that grow with the first long prompt.
    # A T4 has 15095 MiB for CUDA with older drivers (PyTorch's "14.74 GiB"), 14912 with those since 2025 ("14.56 GiB";
    # ggml prints "VRAM: 14912 MiB"). An RTX 3070 has 7819 by ggml's line on Linux.
    "t4": Card("t4", total_mib=15360, context_mib=125, context_upper_mib=200, compute_capability=75, driver_mib=448),
    "rtx-3070": Card(
        "rtx-3070", total_mib=8192, context_mib=170, context_upper_mib=250, compute_capability=86, driver_mib=373
    ),
}
