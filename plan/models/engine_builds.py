"""Which build of llama.cpp can load which architecture, and which build an image says it has.

A number here is the first release tag that has the architecture, as public threads name it; what nobody names is left
out, and never refused. The tag is the image's own word: what it really has is read from it before a rollout.
"""

import re
from collections.abc import Iterable, Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.models.gguf_facts import GgufFacts
from plan.models.lock import LockedModel

_PROJECTOR = "a vision projector"
# Names as general.architecture and clip.projector_type spell them. llama, qwen2 and granite are older than any image
# that has the flags of plan/engine/flags.py.
_FIRST = {
    _PROJECTOR: 5331,  # llama-server sees images: ggml-org/llama.cpp#12898, the text of release b5331
    "gemma3": 4875,  # ggml-org/llama.cpp#12343, release b4875
    "qwen3": 5092,  # ggml-org/llama.cpp#12828; guinmoon/LLMFarm#126
    "qwen3moe": 5092,  # the same change
    "qwen3vl": 6887,  # ggml-org/llama.cpp#16780; Vali-98/ChatterUI#487
    "qwen3vlmoe": 6887,  # the same change
    "qwen3vl_merger": 6887,  # the same change
    "qwen35": 7990,  # ggml-org/llama.cpp#19468 is commit fc0fe4004985, which Homebrew's formula built as b7990
    "qwen35moe": 7990,  # the same change
}


def image_build(image: str) -> int | None:
    """llama.cpp's build number in an image's tag, the 10524 of `v250-cuda-b10524`; None where it has none."""
    tag = image.split("@")[0].rsplit("/", 1)[-1].partition(":")[2]
    found = re.search(r"(?:^|-)b(\d+)(?=$|-)", tag)
    return int(found[1]) if found else None


def minimum_build(architectures: Iterable[str]) -> int:
    """The first build that loads all of these architectures and projectors, as far as it is known; 0 if nothing is."""
    return max((_FIRST.get(name, 0) for name in architectures), default=0)


def needs(facts: GgufFacts) -> tuple[str, ...]:
    """What a build has to know for these files: the architecture, and the projector where there is one."""
    if facts.projector is None:
        return (facts.shape.architecture,)
    return (facts.shape.architecture, _PROJECTOR, facts.projector.projector_type or _PROJECTOR)


def require_builds(stack: config.Stack, locked: Mapping[str, LockedModel]) -> None:
    """Raise ConfigError with each model that the build in the image's tag is too old for."""
    build = image_build(stack.server.image)
    problems = [
        ConfigError(
            f"{config.KEY}.server.image",
            f"b{build}",
            f"llama.cpp loads {name}, which {model_id} needs, from b{minimum_build([name])} on: take an image of that "
            f"build or a newer one, or drop the model.",
        )
        for model_id, model in sorted(locked.items())
        for name in dict.fromkeys(needs(model.gguf))
        if build is not None and build < minimum_build([name])
    ]
    if problems:
        raise ConfigError.of(problems)


def build_notes(stack: config.Stack, locked: Mapping[str, LockedModel]) -> tuple[str, ...]:
    """A sentence where the image's reference tells no build, and one of the models needs a certain one."""
    least = minimum_build(name for model in locked.values() for name in needs(model.gguf))
    if image_build(stack.server.image) is not None or not least:
        return ()
    return (
        f"server.image names no build of llama.cpp, and these models need b{least} or newer: the preflight Job reads "
        "it from the image before the rollout.",
    )
