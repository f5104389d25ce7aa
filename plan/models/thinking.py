"""Refuses a model that could think without a limit, and notes one whose template thinks all the same."""

from collections.abc import Mapping
from typing import Any

from plan import config
from plan.base.errors import ConfigError
from plan.config.model import ArgValue
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
    budget = model.thinking_tokens
    if budget is not None and budget >= model.request_tokens:
        raise ConfigError(
            f"{config.KEY}.models.{model_id}.args.{_BUDGET}",
            budget,
            f"Question, thoughts and answer share the {model.request_tokens} tokens of `context`: write less.",
        )
    if budget is not None and model.reasoning != "off" and budget >= model.promised_tokens:
        raise ConfigError(
            f"{config.KEY}.models.{model_id}.args.{_BUDGET}",
            budget,
            f"Thoughts are output, and the longest that the contract says is {model.promised_tokens} tokens "
            "(max_output_tokens, or half of context): write less, or raise max_output_tokens.",
        )
    if budget is not None and budget >= 0:
        return
    asked = model.reasoning == "off" and _asked(model_id, model.args)
    where = "enable_thinking" if asked else "" if model.reasoning == "off" else f"reasoning: {model.reasoning}"
    if where:
        raise ConfigError(
            f"{config.KEY}.models.{model_id}.reasoning",
            model.reasoning,
            f"With `{where}` and no bound it thinks until its output is used up, and consumers get empty answers. "
            f"Say `reasoning: off`, or bound it in tokens: `args: {{{_BUDGET}: 1024}}`.",
        )


def thinking_notes(locked: Mapping[str, LockedModel], models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A sentence for each model that thinks although its stack says `reasoning: off`, and has no bound."""
    return tuple(
        f"{model_id}: the chat template of its file begins each answer with a thought that no request turns off, so "
        f"`reasoning: off` does not: bound it in tokens, `args: {{{_BUDGET}: 1024}}`, or bring another template, as "
        "`chat-template` in its `args`."
        for model_id, model in sorted(models.items())
        if mode(model, locked[model_id].gguf.shape) == "chat"
        and locked[model_id].gguf.shape.chat_template_thinks
        and model.reasoning == "off"
        and "chat-template" not in model.args
        and model.thinking_tokens is None
    )


def _asked(model_id: str, args: dict[str, ArgValue]) -> bool:
    if (text := args.get(_TEMPLATE)) is None:
        return False
    try:
        found: dict[str, Any] = read_json(str(text), Source(_TEMPLATE, ""))
    except TextError as error:
        key = f"{config.KEY}.models.{model_id}.args.{_TEMPLATE}"
        raise ConfigError(key, text, f"llama-server takes a JSON object there: {error.what}.") from None
    return found.get("enable_thinking") is True
