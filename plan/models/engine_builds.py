"""Whether the llama.cpp build in the image's tag can load the models, by plan/models/architectures.py.

What has no build there is never refused. The tag is the image's own word: the preflight Job reads from the image which
build it really has.
"""

import re
from collections.abc import Iterable, Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.models.architectures import ARCHITECTURES, IMAGES_BUILD, PROJECTOR_BUILDS
from plan.models.gguf_facts import GgufFacts
from plan.models.lock import LockedModel

_PROJECTOR = "a vision projector"
_FIRST = {
    **{name: row.first_build for name, row in ARCHITECTURES.items()},
    **PROJECTOR_BUILDS,
    _PROJECTOR: IMAGES_BUILD,
}


def image_build(image: str) -> int | None:
    """llama.cpp's build number in an image's tag, the 10524 of `v250-cuda-b10524`; None where it has none."""
    tag = image.split("@")[0].rsplit("/", 1)[-1].partition(":")[2]
    found = re.search(r"(?:^|-)b(\d+)(?=$|-)", tag)
    return int(found[1]) if found else None


def minimum_build(architectures: Iterable[str]) -> int:
    """The first build that loads all of these architectures and projectors; 0 where no build of any is known."""
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
    """A note where the image's tag names no build and one of the models needs a certain one."""
    least = minimum_build(name for model in locked.values() for name in needs(model.gguf))
    if image_build(stack.server.image) is not None or not least:
        return ()
    return (
        f"server.image names no build of llama.cpp, and these models need b{least} or newer: the preflight Job reads "
        "it from the image before the rollout.",
    )
