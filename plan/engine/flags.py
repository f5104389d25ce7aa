"""llama-server's flags for one model: one list, rendered for both engines."""

from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.base.errors import ConfigError
from plan.config.model import DEFAULT_UBATCH
from plan.engine import args
from plan.models.abilities import mode
from plan.models.gguf_facts import Shape
from plan.models.lock import LockedModel
from plan.models.thinking import require_bound
from plan.weights.volume import file_path

Flags = tuple[tuple[str, str | None], ...]  # long name without dashes, value or None for a switch


def words(flags: Flags) -> list[str]:
    """As a command line has them."""
    return [word for name, value in flags for word in (f"--{name}", value) if word is not None]


@dataclass(frozen=True, slots=True)
class Served:
    """What both engines read about one model; unloaded after `ttl_s` idle seconds, and never when that is 0."""

    flags: Flags
    aliases: tuple[str, ...]
    display_name: str | None
    description: str | None
    env: Mapping[str, str]
    ttl_s: int


_ALL_LAYERS = 99  # more than any model has
# Saved prompts in host memory. The default of 8 GiB per process does not fit beside a model in the pod's limit.
_PROMPT_CACHE_MIB = 512
MODES: Mapping[str, Flags] = {
    "chat": (),
    "embedding": (("embeddings", None),),
    "rerank": (("reranking", None),),
}
_BATCH = 2048  # llama-server's own; a ubatch above it would be cut to it (src/llama-context.cpp)


def flags(model_id: str, model: config.Model, locked: LockedModel, gpu: config.Gpu, image_max_tokens: int) -> Flags:
    """Flags by name as `llama-server --help` lists them; the engine adds host and port.

    Raises ConfigError for a vision model whose context is full with one image, for one that thinks without a bound,
    and for `args` that may not be used.
    """
    served = mode(model, locked.gguf.shape)
    if served == "chat":
        require_bound(model_id, model)
    path = file_path(model_id, locked, "model")
    projector = file_path(model_id, locked, "mmproj")
    if projector and image_max_tokens >= model.request_tokens:
        key = f"{config.KEY}.models.{model_id}.context"
        rule = f"One image may take {image_max_tokens} tokens (server.image_max_tokens), and the answer needs some too."
        raise ConfigError(key, model.request_tokens, f"{rule} Raise context or lower image_max_tokens.")
    rows: list[tuple[str, str | None]] = [
        ("model", path),
        # The projector's compute buffer grows with the largest image, for good: the model's own maximum takes twice as
        # much of the card.
        *([("mmproj", projector), ("image-max-tokens", str(image_max_tokens))] if projector else []),
        ("n-gpu-layers", "0" if gpu.model == "none" else str(_ALL_LAYERS)),
        ("ctx-size", str(model.total_tokens)),  # llama-server divides it among the slots
        ("parallel", str(model.parallel)),  # the default is four slots, each with its share of the context
        *([("predict", str(model.max_output_tokens))] if model.max_output_tokens else []),
        *mode_flags(model, locked.gguf.shape),
        *_memory(model),
        ("flash-attn", "on"),
        ("fit", "off"),  # on, an unset value shrinks to whatever the co-tenants left free
        ("cache-ram", str(_PROMPT_CACHE_MIB)),
        *((("jinja", None), ("reasoning", model.reasoning)) if served == "chat" else ()),
        ("offline", None),
        *args.rendered(model_id, model.args),
    ]
    return tuple(rows)


def mode_flags(model: config.Model, shape: Shape) -> Flags:
    """What makes a server of embeddings or ranks of llama-server, nothing for one that chats."""
    return (*MODES[mode(model, shape)], *((("pooling", model.pooling),) if model.pooling else ()))


def _memory(model: config.Model) -> Flags:
    """What differs from llama-server's defaults in the cache and in how much of a prompt is computed at once."""
    cache = (("cache-type-k", model.kv_type), ("cache-type-v", model.kv_type)) if model.kv_type != "f16" else ()
    ubatch = (("ubatch-size", str(model.ubatch)),) if model.ubatch != DEFAULT_UBATCH else ()
    batch = (("batch-size", str(model.ubatch)),) if model.ubatch > _BATCH else ()
    return (*cache, *batch, *ubatch)
