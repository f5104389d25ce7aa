"""What llama-swap sets in requests for another name of a model (setParamsByID), as a variant of the model."""

from typing import Any, cast

from pydantic import ValidationError

from ops.adopt.draft import Draft
from plan.base.names import MODEL_ID
from plan.config.of_model.variant import Variant
from plan.text.errors import in_words
from plan.text.show import plain, show

_KWARGS, _THINKS = "chat_template_kwargs", "enable_thinking"


def take(name: str, parameters: object, draft: Draft) -> None:
    """The variant as far as there are keys for it; a name that sets nothing which has one is an alias."""
    said, there = f"setParamsByID {plain(name)}", show(parameters, 200)
    if not isinstance(parameters, dict):
        draft.leave(f"{said}: {there}", "It is a mapping")
        return
    try:
        MODEL_ID(name)
    except ValueError as error:
        draft.leave(f"{said}: {there}", f"No model is asked for by such a name here: {error}")
        return
    kept: dict[str, Any] = {}
    for key, value in _spread(cast("dict[str, Any]", parameters)).items():
        if reason := _why_not(key, value):
            draft.leave(f"{said}: {show({key: value}, 200)}", reason)
        else:
            kept[key] = value
    if kept:
        draft.keys["variants"] = {**draft.keys.get("variants", {}), name: kept}
    else:
        draft.keys["aliases"] = [*draft.keys.get("aliases", ()), name]


def _spread(parameters: dict[str, Any]) -> dict[str, Any]:
    """With thoughts as the key `reasoning`, and what else a template is told under its own name."""
    inner = {key.removeprefix(f"{_KWARGS}."): it for key, it in parameters.items() if key.startswith(f"{_KWARGS}.")}
    found = {key: value for key, value in parameters.items() if not key.startswith(_KWARGS)}
    kwargs = parameters.get(_KWARGS, {})
    if not isinstance(kwargs, dict):
        return {**found, _KWARGS: kwargs}
    for key, value in {**cast("dict[str, Any]", kwargs), **inner}.items():
        if key == _THINKS and isinstance(value, bool):
            found["reasoning"] = "on" if value else "off"
        else:
            found[f"{_KWARGS}.{key}"] = value
    for name in ("max_completion_tokens", "n_predict"):
        if name in found:
            found["max_tokens"] = found.pop(name)
    if found.get("reasoning_effort") == "none":
        found |= {"reasoning": "off"}
        del found["reasoning_effort"]
    return found


def _why_not(key: str, value: object) -> str:
    if key not in Variant.model_fields:
        return "A variant has no key for it"
    try:
        Variant.model_validate({key: value})
    except ValidationError as error:
        return in_words(error.errors()[0])
    return ""
