"""Refuses a model that could think without a limit."""

import json
from typing import Any, cast

from plan import config
from plan.base.errors import ConfigError
from plan.config.model import ArgValue

_BUDGET = "reasoning-budget"
_TEMPLATE = "chat-template-kwargs"


def require_bound(model_id: str, model: config.Model) -> None:
    """Raise ConfigError for a model that could think without a limit, or until its context is full.

    Thoughts count as output: with thinking on by default a consumer with a small limit got empty answers, for 50 times
    the tokens.
    """
    budget = _number(model.args.get(_BUDGET))
    if budget is not None and budget >= model.request_tokens:
        raise ConfigError(
            f"{config.KEY}.models.{model_id}.args.{_BUDGET}",
            budget,
            f"Question, thoughts and answer share the {model.request_tokens} tokens of `context`: write less.",
        )
    if budget is not None and budget >= 0:
        return
    where = (
        f"reasoning: {model.reasoning}" if model.reasoning != "off" else "enable_thinking" if _asked(model.args) else ""
    )
    if where:
        raise ConfigError(
            f"{config.KEY}.models.{model_id}.reasoning",
            model.reasoning,
            f"With `{where}` and no bound it thinks until its output is used up, and consumers get empty answers. "
            f"Say `reasoning: off`, or bound it in tokens: `args: {{{_BUDGET}: 1024}}`.",
        )


def _asked(args: dict[str, ArgValue]) -> bool:
    try:
        found: Any = json.loads(str(args.get(_TEMPLATE, "{}")))
    except ValueError:
        return False
    return isinstance(found, dict) and cast("dict[str, Any]", found).get("enable_thinking") is True


def _number(value: ArgValue | None) -> int | None:
    try:
        return None if value is None or isinstance(value, bool) else int(value)
    except ValueError:
        return None
