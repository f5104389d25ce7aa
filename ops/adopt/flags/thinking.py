"""Whether a model thinks: llama-server's default is that its template decides, here it is off unless it is bounded."""

from collections.abc import Mapping
from typing import Any, cast

from ops.adopt.draft import Draft
from ops.adopt.flags.given import Given
from plan.text.errors import Source, TextError
from plan.text.json_reader import read_json

BUDGET, KWARGS = "reasoning-budget", "chat-template-kwargs"
_BOUND = 8192  # tokens; enough for hard questions, and far from a full context
_WORDS = {"true": "on", "false": "off", "1": "on", "0": "off"}  # `reasoning: on` of a macro is true to YAML


def take(flags: Mapping[str, Given], draft: Draft) -> None:
    """`reasoning` and its bound. A bound of 0 ends each thought at once, which is off."""
    said, bound = flags.get("reasoning"), flags.get(BUDGET)
    wanted = (said.value or "on").lower() if said else ""
    wanted = _WORDS.get(wanted, wanted)
    if said and wanted not in ("on", "off", "auto"):
        draft.leave(said, "It is on, off or auto")
        said, wanted = None, ""
    tokens = _tokens(bound, draft)
    if tokens == 0:
        wanted = "off"
    elif tokens is not None:
        wanted = wanted or "auto"
    if tokens is not None and tokens > 0:
        draft.args[BUDGET] = tokens
    if wanted:
        draft.carry("reasoning", wanted, *(flag for flag in (said,) if flag))
    if bound and tokens is not None:
        draft.told("reasoning" if tokens <= 0 else f"args.{BUDGET}", bound)


def _tokens(bound: Given | None, draft: Draft) -> int | None:
    if bound is None:
        return None
    try:
        return int(bound.value or "")
    except ValueError:
        draft.leave(bound, "It takes a whole number")
        return None


def settle(draft: Draft) -> None:
    """Bound a model that thinks, as plan/models/thinking.py wants it; note where nothing says whether it does."""
    if draft.keys.get("mode", "chat") != "chat":
        return
    variants = [it for it in draft.keys.get("variants", {}).values() if it.get("reasoning") == "on"]
    _decide(draft)
    if variants or draft.keys.get("reasoning", "off") != "off":
        _bound(draft, [it["max_tokens"] for it in variants if "max_tokens" in it])


def _decide(draft: Draft) -> None:
    asked = _asked(draft.args.get(KWARGS))
    if "reasoning" not in draft.keys and asked:
        draft.keys["reasoning"] = "auto"
    if "reasoning" not in draft.keys:
        if asked is None:
            draft.notes.append(
                "whether it thinks was for its template to decide, and is off here: `reasoning` turns it on, with a "
                "bound in tokens, `reasoning-budget` in `args`"
            )
        return
    if draft.keys["reasoning"] == "off" and asked:
        del draft.args[KWARGS]
        draft.leave(f"--{KWARGS}", "It asks for thoughts, and the command turns them off")


def _bound(draft: Draft, answers: list[int]) -> None:
    promised = min([draft.keys.get("max_output_tokens", draft.keys["context"] // 2), *answers])
    bound = draft.args.get(BUDGET)
    if bound is None or bound >= promised:
        draft.args[BUDGET] = most = min(_BOUND, max(promised // 2, 1))
        was = "none was given" if bound is None else f"{bound} is not below the longest answer, {promised}"
        draft.remarks[BUDGET] = f"{was}; without a bound an answer may be all thoughts, so this one is ours: {most}"


def _asked(kwargs: object) -> bool | None:
    """What the arguments of the template say of thoughts; None where they say nothing."""
    if not isinstance(kwargs, str):
        return None
    try:
        found: object = read_json(kwargs, Source(KWARGS, ""))
    except TextError:
        return None
    said: object = cast("dict[str, Any]", found).get("enable_thinking") if isinstance(found, dict) else None
    return said if isinstance(said, bool) else None
