"""Whether the llama.cpp build in the image's tag can load the models and knows the flags that they are started with.

What has no build here or in plan/models/architectures.py is never refused: an architecture without one is a note. The
tag is the image's own word: the preflight Job asks the image which build it has, and tries every model's flags.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from plan import config
from plan.base.errors import ConfigError
from plan.models.architectures import ALWAYS, ARCHITECTURES, IMAGES_BUILD, PROJECTOR_BUILDS
from plan.models.gguf_facts import GgufFacts
from plan.models.lock import LockedModel


class Need(NamedTuple):
    """Something that builds before `first` do not have; builds from `advised` on surely do."""

    what: str
    first: int
    advised: int


# Every model is started with --reasoning, of ggml-org/llama.cpp#20297 (2026-03-11). b7990 is of #19468, a month before;
# b8388 is of 2026-03-17. Which build between them was the first is not published. The other flags are older: --fit is
# of #16653 (2025-12), --models-preset of b7389 or before (#18035), --image-max-tokens of #16921, --cache-ram of
# #16391. LLAMA_ARG_LOAD_MODE is a variable, which builds without --load-mode ignore.
FLAGS = Need("llama-server's flag --reasoning, which every model is started with", 7991, 8388)
# --n-cpu-moe is of #15077 (b6089). Experts whose gate and up are one tensor stayed on the card all the same until
# #20416, which was opened on 2026-03-11; b8388 is of the week after.
EXPERTS = Need("--n-cpu-moe (`cpu_moe`) for all kinds of experts", 8388, 8388)


# One context drafts for all slots since ggml-org/llama.cpp#22838 (2026-05-08), and what drafts is called by --spec-type
# draft-simple and the like since #22964 (2026-05-12); before that each slot had a context. The first release whose
# number a public text names after both is the one of #22673, which drafts with a model's own blocks.
DRAFTS = Need("drafts that all slots share (--spec-type draft-simple, draft-mtp)", 9180, 9180)


# Builds of which llama.cpp's router, a process without a model, holds a CUDA context of its own: from b8248
# (ggml-org/llama.cpp#20582) to b8363, the build of #20595; again as reported of b8738 (#21692, #21759) and b9159
# (#23120), until #23137. That was merged from 2026-05-16 to 05-19, when b9180 to b9222 were new; 9300 is surely later.
_ROUTER_CONTEXT = (range(8248, 8363), range(8738, 9300))


def router_holds_context(build: int | None) -> bool:
    """Whether the router of that build takes memory of the card; it may where the build is not known."""
    return build is None or any(build in builds for builds in _ROUTER_CONTEXT)


def image_build(image: str) -> int | None:
    """llama.cpp's build number in an image's tag, the 10524 of `v250-cuda-b10524`; None where it has none."""
    tag = image.split("@")[0].rsplit("/", 1)[-1].partition(":")[2]
    found = re.search(r"(?:^|-)b(\d+)(?=$|-)", tag)
    return int(found[1]) if found else None


def needs(facts: GgufFacts, model: config.Model | None = None) -> Iterator[Need]:
    """What a build has to have for these files, and for what the stack wants of them, as far as its build is known."""
    name = facts.shape.architecture
    row = ARCHITECTURES.get(name)
    if row and row.first_build:
        yield _from(f"the architecture {name}", row.first_build)
    if row and row.nextn_build and facts.shape.nextn_predict_layers:
        yield _from(f"blocks for multi-token prediction (nextn_predict_layers) of {name}", row.nextn_build)
    if facts.draft:
        yield from needs(facts.draft)
    if facts.projector:
        kind = facts.projector.projector_type or ""
        yield _from(f"the projector {kind}" if kind else "a projector", PROJECTOR_BUILDS.get(kind, IMAGES_BUILD))
    if model and model.cpu_moe:
        yield EXPERTS
    if model and model.drafting:
        yield DRAFTS


def least_build(facts: GgufFacts, model: config.Model | None = None) -> int:
    """The first build that loads these files; 0 where none is known. The preflight tries the flags."""
    return max((need.first for need in needs(facts, model)), default=ALWAYS)


def require_builds(stack: config.Stack, locked: Mapping[str, LockedModel]) -> None:
    """Raise ConfigError with everything that the build in the image's tag is too old for."""
    build = image_build(stack.server.image)
    if build is None:
        return
    wanted = [
        (FLAGS, "the stack"),
        *((need, key) for key, files in sorted(locked.items()) for need in needs(files.gguf, stack.models[key])),
    ]
    problems = [_too_old(build, need, whose) for need, whose in wanted if build < need.first]
    if problems:
        raise ConfigError.of(problems)


def build_notes(stack: config.Stack, locked: Mapping[str, LockedModel]) -> tuple[str, ...]:
    """Sentences about what is not known: the image's build, or the first build of a model's architecture."""
    least = max(least_build(files.gguf, stack.models[model_id]) for model_id, files in locked.items())
    unnamed = (
        f"server.image names no build of llama.cpp, and these models need b{least} or newer: the preflight Job reads "
        "it from the image before the rollout.",
    )
    return (
        *(unnamed if least and image_build(stack.server.image) is None else ()),
        *(
            f"{model_id}: which build of llama.cpp is the first to load {model.gguf.shape.architecture} is not known "
            "here. Try the image with this file before the rollout."
            for model_id, model in sorted(locked.items())
            if model.gguf.shape.architecture not in ARCHITECTURES
        ),
    )


def _from(what: str, build: int) -> Need:
    return Need(what, build, build)


def _too_old(build: int, need: Need, whose: str) -> ConfigError:
    other = {FLAGS: "", DRAFTS: ", or leave `draft` and `mtp` of the model out"}.get(need, ", or drop the model")
    fix = f"set server.image to one of b{need.advised} or newer{other}"
    rule = f"llama.cpp has {need.what} since b{need.first}, and {whose} needs it: {fix}."
    return ConfigError(f"{config.KEY}.server.image", f"b{build}", rule)
