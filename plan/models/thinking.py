"""Refuses a model that could think without a limit, and notes one whose template thinks all the same."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from plan import config
from plan.base.errors import ConfigError
from plan.base.flag_value import ArgValue
from plan.models.abilities import mode
from plan.models.lock import LockedModel
from plan.text.errors import Source, TextError
from plan.text.json_reader import read_json

_BUDGET = "reasoning-budget"
_TEMPLATE = "chat-template-kwargs"


def require_bound(model_id: str, model: config.Model) -> None:
    """Raise ConfigError for a model that could think without a limit, or until its context is full.

    Thoughts count as output: with thinking on by default a consumer with a small limit got empty answers, for 50 times
    the tokens.
    """
    budget, key = model.thinking_tokens, f"{config.KEY}.models.{model_id}"
    if budget is not None and budget >= model.request_tokens:
        raise ConfigError(
            f"{key}.args.{_BUDGET}",
            budget,
            f"Question, thoughts and answer share the {model.request_tokens} tokens of `context`: write less.",
        )
    for it in _thinkers(model_id, model):
        if budget is not None and budget >= it.answer_tokens:
            raise ConfigError(
                f"{key}.args.{_BUDGET}",
                budget,
                f"Thoughts are output, and the longest that {it.who} is {it.answer_tokens} tokens ({it.by}): write "
                f"less, or raise {it.raised}.",
            )
        if budget is None or budget < 0:
            raise ConfigError(
                f"{key}.{it.key}",
                it.said,
                f"With `{it.where}` and no bound it thinks until its output is used up, and consumers get empty "
                f"answers. Say `reasoning: off`, or bound it in tokens: `args: {{{_BUDGET}: 1024}}`.",
            )


def thinking_notes(locked: Mapping[str, LockedModel], models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A sentence for each model that thinks although its stack says `reasoning: off`, and has no bound."""
    return tuple(
        f"{model_id}: the chat template of its file begins each answer with a thought that no request turns off, so "
        f"`reasoning: off` does not: bound it in tokens, `args: {{{_BUDGET}: 1024}}`, or bring another template "
        "(`chat_template_file`)."
        for model_id, model in sorted(models.items())
        if mode(model, locked[model_id].gguf.shape) == "chat"
        and locked[model_id].gguf.shape.chat_template_thinks
        and model.reasoning == "off"
        and not model.brings_template
        and model.thinking_tokens is None
    )


class _Thinker(NamedTuple):
    """The model, or one of its variants: by which key it thinks, what is said there, and its longest answer."""

    key: str
    said: str
    where: str
    answer_tokens: int
    who: str = "the contract says"
    by: str = "max_output_tokens, or half of context"
    raised: str = "max_output_tokens"


def _thinkers(model_id: str, model: config.Model) -> Iterator[_Thinker]:
    if model.reasoning != "off":
        yield _Thinker("reasoning", model.reasoning, f"reasoning: {model.reasoning}", model.promised_tokens)
    elif _asked(model_id, model.args):
        yield _Thinker("reasoning", "off", "enable_thinking", model.promised_tokens)
    thinks = model.reasoning != "off" or _asked(model_id, model.args)
    for name, variant in sorted(model.variants.items()):
        if variant.reasoning == "off" or not (variant.reasoning or thinks):
            continue
        of_variant = f"variants.{name}"
        thinker = _Thinker(f"{of_variant}.reasoning", "on", "reasoning: on", model.promised_tokens)
        if variant.max_tokens is not None and variant.max_tokens < model.promised_tokens:
            thinker = thinker._replace(
                answer_tokens=variant.max_tokens,
                who=f"{name} gives",
                by=f"{of_variant}.max_tokens",
                raised=f"{of_variant}.max_tokens",
            )
        yield thinker


def _asked(model_id: str, args: dict[str, ArgValue]) -> bool:
    if (text := args.get(_TEMPLATE)) is None:
        return False
    try:
        found: dict[str, Any] = read_json(str(text), Source(_TEMPLATE, ""))
    except TextError as error:
        key = f"{config.KEY}.models.{model_id}.args.{_TEMPLATE}"
        raise ConfigError(key, text, f"llama-server takes a JSON object there: {error.what}.") from None
    return found.get("enable_thinking") is True
