"""What kind of GGUF file it is by its header, not by its name: a model, a projector, or neither."""

import re

from ops.gguf.header import Header, HeaderError
from plan.text.show import show

# Architectures whose files draft tokens for another model, and load in no server alone (llama.cpp, src/llama-arch.cpp).
_DRAFTERS = re.compile(r"eagle\d*|dflash\w*|.*[-_]assistant")
_KINDS = {
    "adapter": "an adapter (LoRA)",
    "imatrix": "an importance matrix",
    "mmproj": "a projector",
    "vocab": "a vocabulary",
}
# The last tensor of a projector, and which of its dimensions the model's embedding has to have (clip_n_mmproj_embd in
# llama.cpp's tools/mtmd/clip.cpp; tests/oracle asks llama-server 0.5.0 about gemma3, qwen3vl_merger and resampler). A
# type that is not here is not compared: clip.vision.projection_dim is the tower's own width in older converters' files.
_LAST = {
    "gemma3": ("mm.input_projection.weight", 0),
    "idefics3": ("mm.model.fc.weight", 1),
    "internvl": ("mm.model.mlp.3.weight", 1),
    "kimivl": ("mm.2.weight", 1),
    "lfm2": ("mm.2.weight", 1),
    "llama4": ("mm.model.fc.weight", 1),
    "mlp": ("mm.2.weight", 1),
    "pixtral": ("mm.2.weight", 1),
    "qwen2.5vl_merger": ("mm.2.bias", 0),
    "qwen2vl_merger": ("mm.2.bias", 0),
    "qwen3vl_merger": ("mm.2.bias", 0),
    "resampler": ("resampler.proj.weight", 0),
}


def architecture(header: Header) -> str:
    """The architecture of a language model; raises HeaderError for every other kind of file, naming the kind."""
    pairs = header.pairs
    kind, name = pairs.get("general.type", "model"), pairs.get("general.architecture")
    if "adapter.type" in pairs or name == "controlvector":
        kind = "adapter"
    if kind != "model":
        said = _KINDS.get(kind) if isinstance(kind, str) else None
        raise HeaderError(f"it is {said or 'not a model'}: its general.type is {show(kind)}")
    if not isinstance(name, str) or name == "clip":
        said = "it names no architecture" if name is None else f"its architecture is {show(name)}"
        raise HeaderError(f"it is not a language model: {said}")
    if _DRAFTERS.fullmatch(name):
        raise HeaderError(f"it is a drafter, which serves nobody without its model: its architecture is {show(name)}")
    return name


def require_draft_model(header: Header) -> None:
    """Raises HeaderError where the file drafts only together with the model's own states, as EAGLE and MTP do."""
    name = header.pairs.get("general.architecture")
    if isinstance(name, str) and _DRAFTERS.fullmatch(name):
        what = f"its architecture is {show(name)}, which drafts from the states of its model"
        raise HeaderError(f"it is no model of its own, and `draft` takes one: {what}")


def require_projector(header: Header) -> None:
    """Raises HeaderError where the file is no projector."""
    if (name := header.pairs.get("general.architecture")) != "clip":
        raise HeaderError(f"its mmproj is not a projector: the architecture is {show(name)}")


def projector_width(header: Header, deepstack_layers: int) -> int | None:
    """Numbers for each token that the projector hands the model; None for a type whose last tensor is not known."""
    pairs = header.pairs
    said = pairs.get("clip.projector_type", pairs.get("clip.vision.projector_type"))
    name, dimension = _LAST.get(said, ("", 0)) if isinstance(said, str) else ("", 0)
    tensor = header.tensors.get(name)
    if tensor is None or len(tensor.shape) <= dimension:
        return None
    return tensor.shape[dimension] * (1 + (deepstack_layers if said == "qwen3vl_merger" else 0))
