"""What a model can be asked for: chats, embeddings or ranks, and in a chat whether it sees and calls tools.

A file's header says how a text becomes one vector (pooling_type, enum llama_pooling_type of llama.h): a model that has
that serves embeddings, with the kind RANK it scores documents, and without any it chats.
"""

from collections.abc import Iterator, Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.config.model import Mode
from plan.models.gguf_facts import Shape
from plan.models.lock import LockedModel

_POOLINGS = {1: "mean", 2: "cls", 3: "last", 4: "rank"}
# They read a text in both directions, whole, and write none (llama.cpp 0.5.0, src/llama-arch.cpp).
_ENCODERS = {
    "bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert",
    "gemma-embedding", "llama-embed", "t5encoder",
}  # fmt: skip
# What a model without answers has no use for, by the key.
_OF_CHATS = (
    "mmproj",
    "mmproj_file",
    "draft",
    "mtp",
    "image_min_tokens",
    "chat_template_file",
    "max_output_tokens",
    "variants",
    "verify",
)


def mode(model: config.Model, shape: Shape) -> Mode:
    """What it is served as: what the stack says, else what its header says."""
    return model.mode or header_mode(shape) or "chat"


def header_mode(shape: Shape) -> Mode | None:
    """What a header says that its model is for; None where it says nothing, as of every model that chats."""
    kind = _POOLINGS.get(shape.pooling_type or 0)
    if kind == "rank":
        return "rerank"
    return "embedding" if kind or shape.architecture in _ENCODERS else None


def pooling(model: config.Model, shape: Shape) -> str | None:
    """How a text becomes one vector; None where nothing says it."""
    return model.pooling or _POOLINGS.get(shape.pooling_type or 0)


def require_modes(models: Mapping[str, config.Model], locked: Mapping[str, LockedModel]) -> None:
    """Raise ConfigError with each model that its file does not serve as the stack says, or whose keys contradict it."""
    shapes = {model_id: locked[model_id].gguf.shape for model_id in models}
    problems = [
        ConfigError(f"{config.KEY}.models.{model_id}.{key}", got, f"{rule}.")
        for model_id, model in sorted(models.items())
        for key, got, rule in (*_contradictions(model, shapes[model_id]), *_of_fallback(model_id, models, shapes))
    ]
    if problems:
        raise ConfigError.of(problems)


def calls_tools(locked: LockedModel, model: config.Model) -> bool | None:
    """None where the stack says so and nothing tells what the file's template has."""
    if mode(model, locked.gguf.shape) != "chat":
        return False
    if not model.tools or model.brings_template:
        return model.tools
    return locked.gguf.shape.calls_tools


def sees(locked: LockedModel) -> bool:
    """Whether it has a projector, and not one for sound alone."""
    has_projector = any(file.role == "mmproj" for file in locked.files)
    projector = locked.gguf.projector
    if projector is None or projector.has_vision_encoder is not None:
        return has_projector and (projector is None or projector.has_vision_encoder is True)
    return has_projector and not projector.has_audio_encoder


def tools_notes(locked: Mapping[str, LockedModel], models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A sentence for each model whose stack file asks for more than its template has; a default asks for nothing."""
    return tuple(
        f"{model_id}: the chat template of its file has no tools, so the contract says that it calls none. Remove "
        "`tools` there, or bring a template that has them (`chat_template_file`)."
        for model_id, model in sorted(models.items())
        if "tools" in model.model_fields_set and calls_tools(locked[model_id], model) is False and model.tools
    )


def shared_context_notes(models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A sentence for each model whose requests share its context, for no consumer can tell how much is left."""
    return tuple(
        f"{model_id}: its {model.parallel} requests share {model.request_tokens} tokens, and when these are full each "
        "of them ends with HTTP 500 (kv_unified)."
        for model_id, model in sorted(models.items())
        if model.kv_unified and model.parallel > 1
    )


def draft_notes(locked: Mapping[str, LockedModel], models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A sentence for each model whose draft guesses worse than it may seem: in a long context, or after an image.

    An image is computed for the model's own width, of which a draft reads zeros (llama.cpp b11312, speculative.cpp).
    """
    drafts = {key: it.gguf.draft.shape for key, it in sorted(locked.items()) if it.gguf.draft and models[key].drafter}
    short = [key for key, shape in drafts.items() if (shape.context_length or 0) < models[key].request_tokens]
    return (
        *(
            f"{key}: its draft was trained for {drafts[key].context_length} tokens, fewer than its context: beyond "
            "that its guesses are of no use, and cost time all the same (draft)."
            for key in short
            if drafts[key].context_length
        ),
        *(
            f"{key}: its draft sees no images, and guesses badly after one (draft)."
            for key in drafts
            if sees(locked[key])
        ),
    )


def _contradictions(model: config.Model, shape: Shape) -> Iterator[tuple[str, object, str]]:
    """Keys of the model, what stands there, and what should."""
    served, of_header = mode(model, shape), header_mode(shape)
    if of_header and model.mode not in (None, of_header):
        does = "scores documents" if of_header == "rerank" else "makes vectors of texts"
        yield "mode", model.mode, f"Its header says that it {does}: write `mode: {of_header}`, or leave it out"
    elif served == "rerank" and of_header is None and shape.source == "header":
        yield "mode", "rerank", "Its header has no pooling of the kind RANK, so nothing in it scores a document"
    elif served == "embedding" and pooling(model, shape) is None:
        rule = "Nothing says how a text becomes one vector: write `pooling: last` for a model that chats, else mean"
        yield "mode", "embedding", rule
    if model.pooling and served != "embedding":
        yield "pooling", model.pooling, f"It is for `mode: embedding`, and this one is served for {served}"
    if served != "chat":
        yield from _without_answers(model, shape, served)
    elif model.mtp and not shape.nextn_predict_layers:
        rule = "Its file has no blocks that draft (nextn_predict_layers): leave it out, or lock a file with them"
        yield "mtp", "true", rule


def _without_answers(model: config.Model, shape: Shape, served: Mode) -> Iterator[tuple[str, object, str]]:
    for key in _OF_CHATS:
        if getattr(model, key):
            got: object = getattr(model, key)
            if key in ("variants", "draft"):
                got = ", ".join(sorted(model.variants)) if key == "variants" else model.draft and model.draft.quant
            yield key, got, f"A model of mode {served} writes no answer: leave it out"
    if model.reasoning != "off":
        yield "reasoning", model.reasoning, f"A model of mode {served} does not think: leave it out"
    # llama-server refuses a longer text with HTTP 500 (0.5.0, server-context.cpp, can_split).
    if model.request_tokens > model.ubatch and (pooling(model, shape) != "last" or shape.architecture in _ENCODERS):
        rule = (
            f"A text is computed at once here, and `ubatch` is {model.ubatch}: write `ubatch: {model.request_tokens}`"
        )
        if model.batch and model.batch < model.request_tokens:
            rule += " and no smaller `batch`"
        yield "context", model.request_tokens, f"{rule}, or a context of {model.ubatch}"


def _of_fallback(
    model_id: str, models: Mapping[str, config.Model], shapes: Mapping[str, Shape]
) -> Iterator[tuple[str, object, str]]:
    other = models[model_id].fallback
    if other is None:
        return
    own, theirs = (mode(models[key], shapes[key]) for key in (model_id, other))
    if own != theirs:
        yield "fallback", other, f"It is of mode {theirs}, and cannot answer for one of mode {own}"
