"""Variables that a stack gives the engine's processes: those for which there is nothing better, and no secrets."""

import re
from collections.abc import Callable, Iterator, Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.kubernetes.arguments import literal
from plan.text.show import has_secret

_READ_BY_ALL = "Whoever reads the stack file or the pod reads it: a secret has no place there"
_SECRET_PARTS = {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASS", "KEY", "CREDENTIAL", "CREDENTIALS"}
# Patterns of names, and what a person reads.
_REFUSED = (
    ("LLAMA_(API_KEY|SWAP_API_KEY)", "The key lies in a Secret that the stack makes"),
    ("LLAMA_ARG_.*", "llama-server reads it as a flag: use the model's own key, or its `args`"),
    ("LLAMA_SERVER_.*", "By it llama-server knows its own router"),
    (
        r"\w*VISIBLE_DEVICES|GPU_DEVICE_ORDINAL|NVIDIA_MIG_\w+",
        "Which card a container sees is for `gpu.slice` to say",
    ),
    ("GGML_CUDA_ENABLE_UNIFIED_MEMORY", "It lets a model take more of the card than is planned, at the others' cost"),
    ("HOME", "The pod's own: its file system can be written in few places"),
    ("LD_PRELOAD|LD_AUDIT|GGML_BACKEND_PATH", "It runs a library in every process"),
)


def of_pod(stack: config.Stack) -> dict[str, str]:
    """`server.env` as a container's environment has it; raises ConfigError for what may not be set there."""
    if problems := [*_problems("server.env", stack.server.env, why_not), *_of_models(stack)]:
        raise ConfigError.of(problems)
    return {name: literal(value) for name, value in sorted(stack.server.env.items())}


def _of_models(stack: config.Stack) -> Iterator[ConfigError]:
    for model_id, model in sorted(stack.models.items()):
        key = f"models.{model_id}.env"
        yield from _problems(key, model.env, why_no_model)
        if model.env and stack.server.engine == "llama-server":
            rule = (
                "llama.cpp's own router has one environment for all: use `server.env`, or `server.engine: llama-swap`."
            )
            yield ConfigError(f"{config.KEY}.{key}", ", ".join(sorted(model.env)), rule)


def _problems(key: str, env: Mapping[str, str], judge: Callable[[str, str], str]) -> Iterator[ConfigError]:
    """Without their values: they may be secrets."""
    for name in sorted(env):
        if reason := judge(name, env[name]):
            yield ConfigError(f"{config.KEY}.{key}", name, f"{reason}.")


def why_no_model(name: str, value: str) -> str:
    """Why no model may have this variable: a sentence without its full stop, or ""."""
    if name in ("PATH", "LD_LIBRARY_PATH"):
        return "Set it in `server.env`: the preflight tries that, and not this"
    return why_not(name, value)


def why_not(name: str, value: str) -> str:
    """Why neither the server nor a model may have it; as `why_no_model`."""
    for pattern, reason in _REFUSED:
        if re.fullmatch(pattern, name):
            return reason
    if _SECRET_PARTS & {*name.upper().split("_")}:
        return f"{_READ_BY_ALL}, and this is called like one"
    return _READ_BY_ALL if has_secret(value) else ""
