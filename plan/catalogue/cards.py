"""The cards we know, a row each: figures that somebody published, and where.

To add one, add its row and run `make docs`. "A public log" is a file of a public repository that is not named here.
"""

from dataclasses import dataclass

from plan.catalogue.card import Card, context_bound, driver_bound

# What pools and lazily loaded kernels add to a context that has no model yet, until a model was loaded and until it has
# seen its longest prompt. Fitted on the T4: Qwen3-8B Q4_K_M takes 6996 MiB at 16384 tokens, less what
# plan/vram/estimate.py gives for the model itself, where a context alone is 105. So that figure does not prove them.
# What some models add to it, and a larger ubatch: plan/vram/first_request.py.
_POOLS_MIB, _POOLS_UPPER_MIB = 20, 95


@dataclass(frozen=True, slots=True)
class Known:
    """A card that can be bought. MiB throughout.

    `product` is NVIDIA's name for it, `gb` the size that it is sold with; `also` are more names that people and nodes'
    labels have. `cuda_mib` are the totals that CUDA printed on Linux; Windows and WSL show the whole card, and no
    node is one. `contexts_mib` are what a process held before it had a model; `fitted_mib` are the usual and the
    largest context where they were fitted otherwise.
    """

    name: str
    product: str
    gb: int
    compute_capability: int
    multiprocessors: int
    total_mib: int
    cuda_mib: tuple[int, ...] = ()
    contexts_mib: tuple[int, ...] = ()
    fitted_mib: tuple[int, int] | None = None
    also: tuple[str, ...] = ()
    sources: str = "public logs"

    @property
    def card(self) -> Card:
        """What a plan counts with: the lowest total that CUDA was seen to have, so that none is promised too high."""
        usual_mib, most_mib = self._context()
        bounded = {"driver_mib": not self.cuda_mib, "context_mib": not (self.contexts_mib or self.fitted_mib)}
        return Card(
            self.name,
            total_mib=self.total_mib,
            context_mib=usual_mib,
            context_upper_mib=most_mib,
            compute_capability=self.compute_capability,
            driver_mib=self.total_mib - min(self.cuda_mib) if self.cuda_mib else driver_bound(self.total_mib),
            bounded=tuple(key for key, is_bound in bounded.items() if is_bound),
        )

    def _context(self) -> tuple[int, int]:
        if self.fitted_mib:
            return self.fitted_mib
        if not self.contexts_mib:
            bound_mib = context_bound(self.multiprocessors)
            return bound_mib, bound_mib
        most_mib = max(self.contexts_mib)
        return most_mib + _POOLS_MIB, most_mib + _POOLS_UPPER_MIB


# Compute capability: developer.nvidia.com/cuda-gpus. Multiprocessors: CUDA cores of NVIDIA's data sheets by 128, or by
# 64 where the capability is 6.0, 7.x or 8.0. Where nvidia-smi's total was not found, the largest of CUDA's stands in.
_ROWS = (
    Known("a10", "NVIDIA A10", 24, 86, 72, 23028, (22516, 22599, 22731)),
    Known(
        "a100-40gb", "NVIDIA A100-SXM4-40GB", 40, 80, 108, 40960, (40370, 40339),
        also=("A100-PCIE-40GB", "A100 40GB PCIe", "A100 40GB SXM4"),
        sources="bottlerocket-os/bottlerocket#3873; public logs",
    ),
    Known(
        "a100-80gb", "NVIDIA A100-SXM4-80GB", 80, 80, 108, 81920, (81158, 81151, 81038),
        also=("A100 80GB PCIe", "A100-PCIE-80GB", "A100 80GB SXM4"),
        sources="public logs, the lowest of a PCIe card",
    ),
    Known("a2", "NVIDIA A2", 16, 86, 10, 15356),
    Known(
        "gtx-1080-ti", "NVIDIA GeForce GTX 1080 Ti", 11, 61, 28, 11264, (11178, 11172, 11165),
        sources="ggml-org/llama.cpp#19437; public logs",
    ),
    Known("gtx-1660-super", "NVIDIA GeForce GTX 1660 SUPER", 6, 75, 22, 6144, (5943,)),
    Known(
        "gtx-1660-ti", "NVIDIA GeForce GTX 1660 Ti", 6, 75, 24, 6144, (5936,),
        sources="public logs, nvidia-smi's of a GTX 1660 SUPER",
    ),
    Known(
        "h100-80gb-hbm3", "NVIDIA H100 80GB HBM3", 80, 90, 132, 81559, (81106, 81090, 81079),
        also=("H100 SXM5 80GB", "H100 SXM", "H100 SXM5"),
    ),
    # 527 MiB before a model; with models of 0.6B to 32B that need no cuBLAS, 597 to 605 when they are loaded and 603 to
    # 625 once they were asked. The rest is counted by model: plan/vram/first_request.py.
    Known(
        "h200", "NVIDIA H200", 141, 90, 132, 143771, (143155,), fitted_mib=(612, 630),
        also=("H200 SXM", "H200 141GB HBM3e"),
        sources="measured with llama.cpp b11312, CUDA 13.0 and driver 580.159.04",
    ),
    Known("l4", "NVIDIA L4", 24, 89, 58, 23034, (22518, 22478)),
    Known("l40s", "NVIDIA L40S", 48, 89, 142, 46068, (45373, 45467)),
    Known("p100-16gb", "Tesla P100-PCIE-16GB", 16, 60, 56, 16280, (16276, 16281), also=("P100-SXM2-16GB",)),
    Known("p4", "Tesla P4", 8, 61, 20, 7680, (7612,)),
    # With error correction, which is how it comes; without it nvidia-smi shows 24576.
    Known(
        "p40", "Tesla P40", 24, 61, 30, 23040, (22919, 22905), (148,),
        sources="ggml-org/llama.cpp#22373; public logs, the context's without error correction",
    ),
    Known("p40-ecc-off", "Tesla P40 without ECC", 24, 61, 30, 24576, (24438,), (148,)),
    Known(
        "rtx-2060", "NVIDIA GeForce RTX 2060", 6, 75, 30, 6144, (5917, 5737), also=("RTX 2060 with Max-Q Design",),
        sources="ggml-org/llama.cpp#21759, of a Max-Q; public logs",
    ),
    Known("rtx-2060-12gb", "NVIDIA GeForce RTX 2060 12GB", 12, 75, 34, 12288, (11833,)),
    Known("rtx-2080-ti", "NVIDIA GeForce RTX 2080 Ti", 11, 75, 68, 11264, (11019, 10986, 10823)),
    Known("rtx-3060-12gb", "NVIDIA GeForce RTX 3060 12GB", 12, 86, 28, 12288, (12037, 11906, 11907)),
    # 5878 to 5884 MiB of Qwen3-8B Q4_K_M at 8192 tokens on the laptop's card, less what plan/vram/estimate.py gives for
    # the model itself: 167 to 173.
    Known("rtx-3070", "NVIDIA GeForce RTX 3070", 8, 86, 46, 8192, (7819,), fitted_mib=(170, 250)),
    Known("rtx-3080", "NVIDIA GeForce RTX 3080", 10, 86, 68, 10240, (9987,)),
    Known(
        "rtx-3080-20gb", "NVIDIA GeForce RTX 3080 20GB", 20, 86, 68, 20479,
        sources="a public log, of Windows",
    ),
    Known(
        "rtx-3090", "NVIDIA GeForce RTX 3090", 24, 86, 82, 24576,
        (24159, 24154, 24126, 24124, 24123, 24092), (256, 262, 271),
        sources="noonghunna/club-3090#390; ggml-org/llama.cpp#21692; invoke-ai/InvokeAI#9413; public logs",
    ),
    Known(
        "rtx-4060-ti-16gb", "NVIDIA GeForce RTX 4060 Ti 16GB", 16, 89, 34, 16380, (15944,), (107,),
        sources="ggml-org/llama.cpp#23604; public logs",
    ),
    Known("rtx-4070", "NVIDIA GeForce RTX 4070", 12, 89, 46, 12282, (11903, 11875, 11866), (161,)),
    Known(
        "rtx-4070-laptop", "NVIDIA GeForce RTX 4070 Laptop GPU", 8, 89, 36, 7805, (7805,), (259,),
        sources="ggml-org/llama.cpp#20184",
    ),
    Known("rtx-4080", "NVIDIA GeForce RTX 4080", 16, 89, 76, 16376, (16049,)),
    Known(
        "rtx-4080-super", "NVIDIA GeForce RTX 4080 SUPER", 16, 89, 80, 16375,
        sources="a public log, of Windows",
    ),
    Known(
        "rtx-4090", "NVIDIA GeForce RTX 4090", 24, 89, 128, 24564, (24210, 24080, 24077), (392,),
        sources="vllm-project/vllm#7553; ggml-org/llama.cpp#15860, its tools/fit-params/README.md; public logs",
    ),
    Known(
        "rtx-5060-ti-16gb", "NVIDIA GeForce RTX 5060 Ti 16GB", 16, 120, 36, 16311,
        (15888, 15850, 15847, 15825), (164,),
    ),
    Known("rtx-5070-ti", "NVIDIA GeForce RTX 5070 Ti", 16, 120, 70, 16303, (15842, 15808), (439,)),
    Known("rtx-5080", "NVIDIA GeForce RTX 5080", 16, 120, 84, 16303, (15880,)),
    Known(
        "rtx-5090", "NVIDIA GeForce RTX 5090", 32, 120, 170, 32607, (32119, 32111, 32109, 32105), (506,),
        sources="nibor1896/Crow#105; ggml-org/llama.cpp#20582; public logs",
    ),
    Known("rtx-a4000", "NVIDIA RTX A4000", 16, 86, 48, 16376),
    Known(
        "rtx-pro-6000-blackwell", "NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 96, 120, 188, 97887,
        (97247,), (555,),
        also=(
            "RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000",
        ),
        sources="ggml-org/llama.cpp#23604",
    ),
    # 15110 with older drivers, 14912 with those since 2025.
    Known("t4", "Tesla T4", 16, 75, 40, 15360, (15110, 15109, 15102, 15095, 15079, 14930, 14918, 14912), (103, 105)),
    Known("v100-16gb", "Tesla V100-PCIE-16GB", 16, 70, 80, 16152, (16152,), also=("V100-SXM2-16GB",)),
)  # fmt: skip
CATALOGUE = {known.name: known for known in _ROWS}
CARDS = {known.name: known.card for known in _ROWS}
