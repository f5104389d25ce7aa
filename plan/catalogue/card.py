"""A card's figures as a plan counts with them, and bounds that stand in for figures which nobody published."""

from dataclasses import dataclass

# Who makes cards without NVIDIA's compute capability. No figure of theirs is in the catalogue. ROCm's backend is the
# CUDA sources compiled again (ggml/src/ggml-hip/CMakeLists.txt), so its buffers are alike; SYCL and Vulkan have sizes
# of their own (get_alloc_size of their buffer types), which nobody compared with plan/vram.
VENDORS = ("amd", "intel")


@dataclass(frozen=True, slots=True)
class Card:
    """`total_mib` is nvidia-smi's memory.total. `context_mib` is a CUDA context with its pools, `context_upper_mib`
    the most it was seen to be, both for one process. `compute_capability` as NVIDIA numbers it, times ten; None where
    the maker is another one.

    `driver_mib` of the total no process can have: it is the most that a driver was seen to keep, and it differs by
    driver (nvidia-smi's memory.reserved). `bounded` are the keys of gpu.card whose figure is a bound that nobody
    measured.
    """

    name: str
    total_mib: int
    context_mib: int
    context_upper_mib: int
    compute_capability: int | None
    driver_mib: int = 0
    bounded: tuple[str, ...] = ()

    @property
    def capacity_mib(self) -> int:
        """What all processes of the card may hold together: the total that CUDA sees."""
        return self.total_mib - self.driver_mib


def driver_bound(total_mib: int) -> int:
    """MiB, no less than any driver of the catalogue keeps on Linux of a card with that total.

    Large cards lose less than 5 %, an RTX 2060 Max-Q 407 of its 6144 MiB: 6.6 % (ggml-org/llama.cpp#21759).
    """
    return max(round(total_mib * 0.05), 450)


def context_bound(multiprocessors: int) -> int:
    """MiB, no less than any CUDA context in the catalogue was seen to be, also those that a desktop may be in.

    A context grows with the card's streaming multiprocessors, from 120 to 550 MiB (ggml-org/llama.cpp#20595, #23137).
    Measured alone it was 107 MiB with 34 of them and 555 with 188 (#23604), which is 3 MiB for each; a quarter is added
    to that slope, and what other logs have beside it was at most 180 MiB: an RTX 5070 Ti with 70 of them shows 439.
    """
    return 180 + 4 * multiprocessors
