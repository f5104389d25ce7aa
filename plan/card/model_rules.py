"""Settings with which a model is refused, however much room the card has."""

from collections.abc import Iterator, Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.catalogue.card import Card
from plan.models.lock import LockedModel

_QUANTIZED_CACHE_FROM = 80  # compute capability, times ten
_USABLE_TOKENS_S = 10
# Flags with which llama.cpp stretches a context beyond what the model was trained for.
_STRETCHED = ("rope-scaling", "rope-scale", "rope-freq-scale", "yarn-orig-ctx")


def model_problems(
    models: Mapping[str, config.Model], locked: Mapping[str, LockedModel], card: Card | None
) -> list[ConfigError]:
    """Every problem of single models, sorted by their ids."""
    return [
        problem
        for model_id, model in sorted(models.items())
        for problem in (
            *_cache(model_id, model, card),
            *_context(model_id, model, locked[model_id]),
            *_experts(model_id, model, locked[model_id], card),
        )
    ]


def _cache(model_id: str, model: config.Model, card: Card | None) -> Iterator[ConfigError]:
    """A quantized cache made a T4 answer with 0.58 tokens a second, not 33: no tensor cores read it there.

    Of another maker's card nothing is known: plan/card/card_notes.py says so.
    """
    capability = card and card.compute_capability
    if card is None or model.kv_type == "f16" or capability is None or capability >= _QUANTIZED_CACHE_FROM:
        return
    if any(m.kv_type == model.kv_type and (m.tokens_s or 0) >= _USABLE_TOKENS_S for m in model.measured):
        return
    major, minor = divmod(capability, 10)
    yield ConfigError(
        f"{config.KEY}.models.{model_id}.kv_type",
        model.kv_type,
        f"On compute capability {major}.{minor} (gpu.model {card.name}) a quantized cache was measured at 0.58 "
        f"tokens/s instead of 33. Leave it f16 with a smaller context, or show that it is usable here: an entry of "
        f"`measured` with kv_type {model.kv_type} and tokens_s of {_USABLE_TOKENS_S} or more.",
    )


def _context(model_id: str, model: config.Model, locked: LockedModel) -> Iterator[ConfigError]:
    trained = locked.gguf.shape.context_length
    if trained is None or model.request_tokens <= trained or model.args.keys() & {*_STRETCHED}:
        return
    yield ConfigError(
        f"{config.KEY}.models.{model_id}.context",
        model.request_tokens,
        f"The model was trained for {trained} tokens, and answers nonsense beyond. Say {trained} or less, "
        f"or stretch it with `args: {{rope-scaling: yarn, rope-scale: ...}}`.",
    )


def _experts(model_id: str, model: config.Model, locked: LockedModel, card: Card | None) -> Iterator[ConfigError]:
    """Experts that are to stay off the card have to be there, and their bytes have to be known."""
    if model.cpu_moe is None:
        return
    key, shape = f"{config.KEY}.models.{model_id}.cpu_moe", locked.gguf.shape
    if card is None:
        rule = "With gpu.model none every layer is in the machine's memory already: leave it out."
        yield ConfigError(key, model.cpu_moe, rule)
    elif locked.gguf.weights and locked.gguf.weights.expert_bytes:
        return
    elif shape.expert_count or shape.source != "header":
        rule = f"models.lock.yaml lacks the size of its experts. Run `bin/local-llm lock --update {model_id}`."
        yield ConfigError(key, model.cpu_moe, rule)
    else:
        yield ConfigError(key, model.cpu_moe, "Its file has no experts that could stay off the card: leave it out.")
