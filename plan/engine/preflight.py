"""A trial of the engine's image with the new configuration, before the old pod goes; in shell, for want of Python.

It does not look for the weights: the fetch Jobs and the gate do, and a model whose weights were lost must not hold back
the rollout of the others. So the Job needs no volume, and runs while the weights are fetched.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plan import config
from plan.base import names
from plan.engine.flags import DEVICE, Flags, words
from plan.kubernetes.arguments import argument, literal, require_arguments

# The script finds who listens on `port` in /proc/net/tcp: in hexadecimal, 0A is LISTEN. Both engines read all of their
# configuration before they listen (llama-swap v250, llama.cpp b10524), and neither has a way to only read it.
# `--help` as the last flag: llama-server parses all others first, and LLAMA_ARG_* too (llama.cpp, common/arg.cpp).
# A comment in the script itself would be in every Job.
_SCRIPT = Path(__file__).with_suffix(".sh").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class BuildNeed:
    """llama.cpp builds: the one of the image's `tag`, if any, and the `least` that the model `whose` needs."""

    tag: int | None = None
    least: int = 0
    whose: str = ""


@dataclass(frozen=True, slots=True)
class PreflightPlan:
    """A Job in the engine's image; `command` ends with 78 and a message when it refuses. `deadline_s` in seconds.

    No exit code is tried again: the image, its flags and the configuration stay what they are, also where the image
    has no shell, the node cannot run its code, or the trial takes more memory than its limit.
    """

    job: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    deadline_s: int


def plan_preflight(
    image: str,
    builds: BuildNeed,
    llama_server: str,
    engine: tuple[str, ...],
    models: Mapping[str, Flags],
    env: Mapping[str, str],
    deadline_s: int,
) -> PreflightPlan:
    """The trial of `engine`, a command line that listens on names.SERVICE_PORT, and of each model's flags.

    `env` is what the engine's own container has; a pull of the image has to end within `deadline_s` too.
    """
    facts = ("" if builds.tag is None else str(builds.tag), str(builds.least), builds.whose, str(names.SERVICE_PORT))
    tried = [_tried(model_id, flags) for model_id, flags in sorted(models.items())]
    require_arguments(tried, f"{config.KEY}.models", "Serve fewer models from one stack, or shorten their args")
    of_image = (literal(image), llama_server, *facts, shlex.join(engine))
    command = ("/bin/sh", "-c", _SCRIPT, names.PREFLIGHT, *of_image, *tried)
    # Where the container runtime shows the card to every pod, the trial must not take memory of it.
    return PreflightPlan(names.PREFLIGHT_JOB, command, {**env, "CUDA_VISIBLE_DEVICES": "-1"}, deadline_s)


def _tried(model_id: str, flags: Flags) -> str:
    """What the script tries for one model: its id and, quoted for the shell, its flags but the card, which it hides."""
    text = f"{model_id} {shlex.join(words(tuple(flag for flag in flags if flag[0] != DEVICE)))}"
    return argument(text, f"{config.KEY}.models.{model_id}.args", "Shorten the longest of its flags")
