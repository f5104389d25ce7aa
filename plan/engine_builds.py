"""Which build of llama.cpp can load which architecture, and which build an image says it has.

A number here is the first release tag that has the architecture, as public threads name it; what nobody names is left
out, and never refused. The tag is the image's own word: what it really has is read from it before a rollout.
"""

import re
from collections.abc import Iterable

# Names as general.architecture and clip.projector_type spell them.
_FIRST = {
    "qwen3": 5092,  # ggml-org/llama.cpp#12828; guinmoon/LLMFarm#126
    "qwen3moe": 5092,  # the same change
    "qwen3vl": 6887,  # ggml-org/llama.cpp#16780; Vali-98/ChatterUI#487
    "qwen3vlmoe": 6887,  # the same change
    "qwen3vl_merger": 6887,  # the same change
}


def image_build(image: str) -> int | None:
    """llama.cpp's build number in an image's tag, the 10524 of `v250-cuda-b10524`; None where it has none."""
    tag = image.split("@")[0].rsplit("/", 1)[-1].partition(":")[2]
    found = re.search(r"(?:^|-)b(\d+)(?=$|-)", tag)
    return int(found[1]) if found else None


def minimum_build(architectures: Iterable[str]) -> int:
    """The first build that loads all of these architectures and projectors, as far as it is known; 0 if nothing is."""
    return max((_FIRST.get(name, 0) for name in architectures), default=0)
