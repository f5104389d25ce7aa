"""Where each key of a llama-swap model goes: a row for those that have one here, a reason for the others."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from ops.adopt import variants
from ops.adopt.draft import Draft
from ops.adopt.flags.rows import typed
from ops.adopt.llama_swap.commands import told
from plan.base.flag_value import ArgValue
from plan.engine.environment import why_no_model
from plan.engine.llama_swap_schema import ModelEntry
from plan.text.show import plain, show

# What a request may say, and the flag that says it for requests that do not.
_PARAMETERS = {
    "temperature": "temp", "top_p": "top-p", "top_k": "top-k", "min_p": "min-p", "seed": "seed",
    "presence_penalty": "presence-penalty", "frequency_penalty": "frequency-penalty", "typical_p": "typical",
    "repeat_penalty": "repeat-penalty", "repeat_last_n": "repeat-last-n",
    "chat_template_kwargs": "chat-template-kwargs",
}  # fmt: skip
_ANSWERS = {"max_tokens", "max_completion_tokens", "n_predict"}
_DEFAULT = "was put into each request; here it is for requests that do not say it"
_ITS_OWN = "The stack has its own"


def take(model: Mapping[str, Any], draft: Draft) -> None:
    """Give every key but the command, its variables, `ttl` and `aliases` a place in the draft."""
    for key, value in model.items():
        if value is None or key in ("cmd", "env", "ttl", "aliases"):
            continue
        if row := _ROWS.get(key):
            row(value, draft)
        elif key in _LEFT:
            draft.leave(f"{key}: {show(value)}", _LEFT[key])
        elif key not in _NEEDLESS:
            draft.leave(key, "llama-swap v250 has no such key" if key not in ModelEntry.model_fields else _ITS_OWN)
        else:
            draft.anyway.append(key)


def take_environment(variables: Mapping[str, str], draft: Draft) -> None:
    """What is no flag: in `env` where a model may have it. A value is never told."""
    for name, value in variables.items():
        if reason := why_no_model(name, value):
            draft.leave(f"env {plain(name)}", reason)
        elif "${" in value:
            draft.leave(f"env {plain(name)}", "Its value is a variable of the machine that llama-swap runs on")
        else:
            draft.keys["env"] = {**draft.keys.get("env", {}), name: value}


def texts(key: str, model: Mapping[str, Any], draft: Draft) -> list[str]:
    """The list at a key; what is none, or no text in it, is left."""
    found: object = model.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        draft.leave(f"{key} {'' if key == 'env' else show(found)}".strip(), "It is a list of texts")
        return []
    items = [str(item) for item in cast("list[Any]", found) if isinstance(item, str | int | float)]
    if len(items) < len(cast("list[Any]", found)):
        draft.leave(f"some of {key}", "It is a list of texts")
    return items


def whose_aliases(models: Mapping[str, object]) -> dict[str, str]:
    """Each alias in the file, and the id of its model."""
    found: dict[str, str] = {}
    for model_id, entry in models.items():
        aliases: object = cast("dict[str, Any]", entry).get("aliases") if isinstance(entry, dict) else None
        found |= {str(it): model_id for it in cast("list[Any]", aliases)} if isinstance(aliases, list) else {}
    return found


def variables(entries: Iterable[str], draft: Draft) -> dict[str, str]:
    """`NAME=value` entries as a mapping."""
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if equals:
            found[name] = value
        else:
            draft.leave(f"env {told([name])}", "It has no value")
    return found


def _text(key: str, most: int) -> Callable[[Any, Draft], None]:
    def take_text(value: Any, draft: Draft) -> None:
        text = " ".join(str(value).split())
        if len(text) > most:
            draft.leave(f"{key} {show(text)}", f"The rest of it, for it has at most {most} characters")
            text = text[:most].strip()
        if text:
            draft.keys[key] = text

    return take_text


def _filters(value: Any, draft: Draft) -> None:
    if not isinstance(value, dict):
        draft.leave("filters", "It is a mapping")
        return
    filters = cast("dict[str, Any]", value)
    for key, one in sorted(filters.items()):  # what is by id overrules what is for all
        if key in ("stripParams", "strip_params"):
            draft.leave(f"{key}: {show(one)}", "No parameter of a request is taken away: clients may set them")
        elif key == "setParams" and isinstance(one, dict):
            _set_params(cast("dict[str, Any]", one), draft)
        elif key == "setParamsByID" and isinstance(one, dict):
            for name, parameters in cast("dict[str, Any]", one).items():
                if name == draft.swap_id and isinstance(parameters, dict):
                    _set_params(cast("dict[str, Any]", parameters), draft)
                    continue
                variants.take(name, parameters, draft)
        else:
            draft.leave(f"filters.{plain(key)}", "llama-swap v250 has no such key")


def _set_params(parameters: Mapping[str, Any], draft: Draft) -> None:
    """A default of the server in place of what was put into each request."""
    for name, value in parameters.items():
        if name in _ANSWERS and isinstance(value, int) and 0 < value <= draft.keys["context"]:
            draft.keys["max_output_tokens"] = value
            draft.remarks["max_output_tokens"] = _DEFAULT
            continue
        flag = _PARAMETERS.get(name)
        said = _argument(value)
        if flag is None or said is None:
            draft.leave(f"setParams {plain(name)}: {show(value)}", "There is no flag of llama-server that says it")
            continue
        draft.args[flag] = said
        draft.remarks[flag] = _DEFAULT


def _argument(value: Any) -> ArgValue | None:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return typed(value) if isinstance(value, str) else value


def _capabilities(value: Any, draft: Draft) -> None:
    """Only what llama-swap tells its clients; the header and the flags say it here."""
    said = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if said.get("tools") is False and draft.keys.get("mode", "chat") == "chat":
        draft.keys["tools"] = False
    draft.anyway.append("capabilities")


def context_of(model: Mapping[str, Any]) -> int:
    """The context that the capabilities promise, 0 where they do not."""
    said = model.get("capabilities")
    context: object = cast("dict[str, Any]", said).get("context") if isinstance(said, dict) else 0
    if isinstance(context, str) and re.fullmatch(r"\d{1,9}", context):
        return int(context)
    return context if isinstance(context, int) and not isinstance(context, bool) else 0


def _unlisted(value: Any, draft: Draft) -> None:
    if value is True:
        draft.keys["listed"] = False
    elif value is not False:
        draft.leave(f"unlisted: {show(value)}", "It is true or false")


def _limit(value: Any, draft: Draft) -> None:
    if value:
        draft.keys["concurrency"] = value


_ROWS: Mapping[str, Callable[[Any, Draft], None]] = {
    "name": _text("display_name", 128),
    "description": _text("description", 1024),
    "filters": _filters,
    "capabilities": _capabilities,
    "unlisted": _unlisted,
    "concurrencyLimit": _limit,
}
# Of no consequence here: the pod starts, watches and stops the server, which answers to any name.
_NEEDLESS = {"cmdStop", "proxy", "checkEndpoint", "unloadTimeout", "useModelName"}
_LEFT = {
    "metadata": "Lists of models have the contract's fields alone",
    "sendLoadingState": "No text of a load is put into an answer",
    "timeouts": "llama-swap's own times count between it and its models",
    "compat": "Only llama-server serves here",
}
