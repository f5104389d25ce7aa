"""llama-server's flags for one model: one list, rendered for both engines."""

from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.base.errors import ConfigError
from plan.base.names import slug
from plan.catalogue.card import VENDORS
from plan.config.model import DEFAULT_BATCH, DEFAULT_UBATCH
from plan.engine import args
from plan.host.process_memory import makes_checkpoints
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
    """What both engines read about one model; unloaded after `ttl_s` idle seconds, and never when that is 0.

    `variants` are the parameters that requests for another name get; llama.cpp's router has none of the last three.
    """

    flags: Flags
    aliases: tuple[str, ...]
    display_name: str | None
    description: str | None
    env: Mapping[str, str]
    ttl_s: int
    concurrency: int | None
    listed: bool
    variants: Mapping[str, dict[str, object]]


# More than a model can have: LLAMA_MAX_LAYERS is 512 (src/llama-hparams.h, commit 027d5756); Llama 3.1 405B has 126.
# `all` says the same, but older builds take a number alone.
_ALL_LAYERS = 999
CONFIG_DIR = "/etc/local-llm"
DEVICE = "device"  # the flag that llama-server refuses where the card cannot be seen
MODES: Mapping[str, Flags] = {
    "chat": (),
    "embedding": (("embeddings", None),),
    "rerank": (("reranking", None),),
}


def flags(
    model_id: str,
    model: config.Model,
    locked: LockedModel,
    gpu: config.Gpu,
    image_max_tokens: int,
    prompts_mib: int,
) -> Flags:
    """Flags by name as `llama-server --help` lists them; the engine adds host and port. `prompts_mib`: --cache-ram.

    Raises ConfigError for a vision model whose context is full with one image, for one that thinks without a bound,
    and for `args` that may not be used.
    """
    served = mode(model, locked.gguf.shape)
    if served == "chat":
        require_bound(model_id, model)
    path = file_path(model_id, locked, "model")
    rows: list[tuple[str, str | None]] = [
        ("model", path),
        *_images(model_id, model, file_path(model_id, locked, "mmproj"), image_max_tokens),
        *draft_flags(model, file_path(model_id, locked, "draft"), _layers(gpu)),
        ("n-gpu-layers", _layers(gpu)),
        # Without it a build that has no CUDA, or sees no card, would answer from the CPU at a token every two seconds.
        *([(DEVICE, device)] if (device := _device(gpu)) else []),
        *_experts(model),
        ("ctx-size", str(model.total_tokens)),  # llama-server divides it among the slots
        ("parallel", str(model.parallel)),  # the default is four slots, each with its share of the context
        *([("predict", str(model.max_output_tokens))] if model.max_output_tokens else []),
        *mode_flags(model, locked.gguf.shape),
        *_memory(model),
        ("flash-attn", "on"),
        ("fit", "off"),  # on, an unset value shrinks to whatever the co-tenants left free
        ("cache-ram", str(prompts_mib)),
        *([("ctx-checkpoints", str(model.ctx_checkpoints))] if makes_checkpoints(model, locked) else []),
        *((("jinja", None), ("reasoning", model.reasoning)) if served == "chat" else ()),
        *([("chat-template-file", template_file(model_id))] if model.chat_template_file else []),
        ("offline", None),
        *args.rendered(model_id, model.args),
    ]
    return tuple(rows)


def _device(gpu: config.Gpu) -> str | None:
    """What llama-server calls the card; of other makers' that depends on the image (ROCm0, Vulkan0, SYCL0)."""
    if gpu.device:
        return None if gpu.device == config.ANY_DEVICE else gpu.device
    return "CUDA0" if gpu.model not in ("none", *VENDORS) and gpu.slice.resource.startswith("nvidia.com/") else None


def template_file(model_id: str) -> str:
    """Where its chat template lies in the pod."""
    return f"{CONFIG_DIR}/{slug(model_id)}.jinja"


def _images(model_id: str, model: config.Model, projector: str | None, most: int) -> Flags:
    """What a model sees: images are enlarged or shrunk to between so many tokens."""
    key, least = f"{config.KEY}.models.{model_id}", model.image_min_tokens
    if projector is None:
        if least is not None:
            raise ConfigError(f"{key}.image_min_tokens", least, "It sees no images: add `mmproj`, or leave it out.")
        return ()
    if most >= model.request_tokens:
        rule = f"One image may take {most} tokens (server.image_max_tokens), and the answer needs some too."
        fix = f"{rule} Raise context or lower image_max_tokens."
        raise ConfigError(f"{key}.context", model.request_tokens, fix)
    if least is not None and least > most:
        raise ConfigError(f"{key}.image_min_tokens", least, f"The largest image has {most} (server.image_max_tokens).")
    # The projector's compute buffer grows with the largest image, for good: the model's own maximum takes twice as
    # much of the card.
    smallest = (("image-min-tokens", str(least)),) if least else ()
    return (("mmproj", projector), ("image-max-tokens", str(most)), *smallest)


def _layers(gpu: config.Gpu) -> str:
    return "0" if gpu.model == "none" else str(_ALL_LAYERS)


def draft_flags(model: config.Model, drafter: str | None, layers: str) -> Flags:
    """Who drafts and how much. A drafter is on the card that --device names, and its cache has the model's type.

    Names that every build has which plan/models/engine_builds.py lets draft (llama.cpp 0.5.0, common/arg.cpp).
    """
    if (draft := model.drafting) is None:
        return ()
    own = (("model-draft", drafter), ("gpu-layers-draft", layers)) if drafter else ()
    cache = (("cache-type-k-draft", model.kv_type), ("cache-type-v-draft", model.kv_type))
    return (
        *own,
        ("spec-type", "draft-mtp" if model.mtp else "draft-simple"),
        ("spec-draft-n-max", str(draft.most)),
        *((("spec-draft-n-min", str(draft.least)),) if draft.least else ()),
        *(cache if model.kv_type != "f16" else ()),
    )


def _experts(model: config.Model) -> Flags:
    """Which experts stay in the machine's memory (ggml-org/llama.cpp#15077)."""
    if model.cpu_moe is None:
        return ()
    return (("cpu-moe", None),) if model.cpu_moe == "all" else (("n-cpu-moe", str(model.cpu_moe)),)


def mode_flags(model: config.Model, shape: Shape) -> Flags:
    """What makes a server of embeddings or ranks of llama-server, nothing for one that chats."""
    return (*MODES[mode(model, shape)], *((("pooling", model.pooling),) if model.pooling else ()))


def _memory(model: config.Model) -> Flags:
    """What differs from llama-server's defaults in the cache and in how much of a prompt is computed at once."""
    cache = (("cache-type-k", model.kv_type), ("cache-type-v", model.kv_type)) if model.kv_type != "f16" else ()
    ubatch = (("ubatch-size", str(model.ubatch)),) if model.ubatch != DEFAULT_UBATCH else ()
    batch = (("batch-size", str(model.batch_tokens)),) if model.batch_tokens != DEFAULT_BATCH else ()
    shared = (("kv-unified", None),) if model.kv_unified else ()
    return (*cache, *batch, *ubatch, *shared)
