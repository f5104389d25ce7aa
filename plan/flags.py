"""llama-server's flags for one model: one list, rendered for both engines."""

from plan import config
from plan.lock import LockedModel
from plan.volume import file_path

Flags = tuple[tuple[str, str | None], ...]  # long name without dashes, value or None for a switch

_ALL_LAYERS = 99  # more than any model has
# Saved prompts in host memory. The default of 8 GiB per process does not fit beside a model in the pod's limit.
_PROMPT_CACHE_MIB = 512


def flags(model_id: str, model: config.Model, locked: LockedModel, gpu: config.Gpu) -> Flags:
    """Flags by name as `llama-server --help` lists them; host and port are the engine's business."""
    path = file_path(model_id, locked, "model")
    projector = file_path(model_id, locked, "mmproj")
    rows: list[tuple[str, str | None]] = [
        ("model", path),
        *([("mmproj", projector)] if projector else []),
        ("n-gpu-layers", "0" if gpu.model == "none" else str(_ALL_LAYERS)),
        ("ctx-size", str(model.context)),
        ("parallel", "1"),  # the default is four slots, each with its share of the context
        ("flash-attn", "on"),
        ("fit", "off"),  # on, an unset value shrinks to whatever the co-tenants left free
        ("cache-ram", str(_PROMPT_CACHE_MIB)),
        ("jinja", None),
        ("reasoning", model.reasoning),
        ("offline", None),
    ]
    return tuple(rows)
