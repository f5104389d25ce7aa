"""Where each flag of llama-server goes: a row for those that have a key here, `args` for the rest that it takes.

A key that a model gets one day is one more row here, and the flag's line in plan/engine/flag_policy.py.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ops.adopt.draft import Draft
from ops.adopt.flags import source, thinking
from ops.adopt.flags.given import STRAY, Given, is_yes
from plan.base.errors import ConfigError
from plan.config.model import ArgValue
from plan.engine.args import rendered
from plan.engine.flag_policy import refused
from plan.engine.llama_server_flags import BUILD

Flags = Mapping[str, Given]
_SLOTS = 256  # the most that `parallel` takes, plan/config/numbers.py
# llama-server's own --fit leaves a context of this many tokens at least (0.5.0, --fit-ctx).
_CONTEXT = 4096
_UBATCH, _BATCH = 512, 2048  # llama-server's own
_LONGEST_TEXT = 8192
_DIGITS = 16
_KV_TYPES = ("f16", "q8_0", "q4_0")


class Row(NamedTuple):
    """Flags by their first names, and what takes those of them that a command has."""

    flags: str
    take: Callable[[Flags, Draft], None]


def take(flags: list[Given], draft: Draft) -> None:
    """Give every flag a place in the draft; of a flag that is there twice the last one counts, as for llama-server."""
    found: dict[str, Given] = {}
    for flag in flags:
        if flag.key == STRAY:
            draft.leave(flag, "It belongs to no flag")
        else:
            if (again := found.pop(flag.key, None)) and _is_anyway(again):
                draft.needless(again)
            elif again:
                draft.leave(again, f"It is there again, as {flag.told}, which counts")
            found[flag.key] = flag
    for flag in [flag for flag in found.values() if _is_anyway(flag)]:
        draft.needless(found.pop(flag.key))
    for row in ROWS:
        row.take({name: found.pop(name) for name in row.flags.split() if name in found}, draft)
    for flag in found.values():
        _as_arg(flag, draft)


def _as_arg(flag: Given, draft: Draft) -> None:
    """In `args` where llama-server's flag is usable there, else left with the reason."""
    if flag.option is None:
        draft.leave(flag, refused((flag.name,)) or f"llama-server {BUILD} has no such flag")
        return
    if flag.option.takes_value and flag.value is None:
        draft.leave(flag, "Its value is missing")
        return
    name = flag.option.names[0] if flag.option.takes_value else flag.name
    value = typed(flag.value) if flag.value is not None else True
    try:
        rendered(draft.model_id, {name: value})
    except ConfigError as error:
        draft.leave(flag, error.fix)
    else:
        draft.args[name] = value
        draft.told(f"args.{name}", flag)


def typed(text: str) -> ArgValue:
    """A number where the text is one, as it is written in decimal digits."""
    if len(text) < _DIGITS and re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", text):
        return float(text) if "." in text else int(text)
    return text


def _number(flags: Flags, name: str, draft: Draft) -> int | None:
    """The flag's whole number; None where it is not there, or where it is none and left."""
    if (flag := flags.get(name)) is None:
        return None
    try:
        return int(flag.value or "")
    except ValueError:
        draft.leave(flag, "It takes a whole number")
        return None


def _tokens(flags: Flags, draft: Draft) -> None:
    """`context` is of one request; llama-server divides its --ctx-size among its slots."""
    said, least = (_number(flags, name, draft) for name in ("ctx-size", "fit-ctx"))
    slots = _number(flags, "parallel", draft) or 0
    shared = flags.get("kv-unified")
    total = next((it for it in (said, least, draft.context_of_capabilities) if it and it > 0), 0)
    if not total:
        total = _CONTEXT
        there = "what fitted" if said is None else "all that it was trained for"
        draft.remarks["context"] = f"llama-server took {there}, without a number; this one is ours, raise it as it fits"
    if slots > _SLOTS or slots > total:
        draft.leave(flags["parallel"], f"{min(_SLOTS, total)} are the most here")
        slots = 1
    if shared and slots > 1 and not shared.name.startswith("no-"):
        draft.leave(shared, f"{slots} requests shared {total} tokens; here one at a time has them all")
        slots = 1
    elif shared:
        draft.needless(shared)
    draft.carry("context", total // max(slots, 1), *(flags[it] for it in ("ctx-size", "fit-ctx") if it in flags))
    if slots > 1:
        draft.keys["parallel"] = slots
    if "parallel" in flags:
        draft.told("parallel", flags["parallel"])


def _answers(flags: Flags, draft: Draft) -> None:
    for flag in flags.values():
        tokens = _number(flags, flag.key, draft)
        if tokens is None:
            continue
        if tokens <= 0:
            draft.needless(flag)
        elif tokens > draft.keys["context"]:
            draft.leave(flag, f"An answer shares the {draft.keys['context']} tokens of context")
        else:
            draft.carry("max_output_tokens", tokens, flag)


def _cache(flags: Flags, draft: Draft) -> None:
    kinds = {(flags[name].value or "").lower() if name in flags else "f16" for name in ("cache-type-k", "cache-type-v")}
    kind = kinds.pop()
    if not flags:
        return
    if kinds or kind not in _KV_TYPES:
        for flag in flags.values():
            why = "K and V are of one type here" if kinds else f"The types here are {', '.join(_KV_TYPES)}"
            draft.leave(flag, f"{why}, and f16 is written")
    elif kind == "f16":
        draft.needless(*flags.values())
    else:
        draft.carry("kv_type", kind, *flags.values())


def _batches(flags: Flags, draft: Draft) -> None:
    """A ubatch above the batch is cut to it (llama.cpp 0.5.0, src/llama-context.cpp)."""
    batch, ubatch = (_number(flags, name, draft) for name in ("batch-size", "ubatch-size"))
    wanted = ubatch if ubatch and ubatch > 0 else _UBATCH
    used = min(wanted, batch) if batch and batch > 0 else wanted
    if used != _UBATCH:
        draft.keys["ubatch"] = used
    if ubatch:
        draft.told("ubatch", flags["ubatch-size"])
    if batch and batch == max(_BATCH, used):
        draft.needless(flags["batch-size"])
    elif batch:
        draft.leave(flags["batch-size"], f"There is no key for it yet: it is {max(_BATCH, used)} here")


def _modes(flags: Flags, draft: Draft) -> None:
    """What a model is asked for, where a command says it; else its header does."""
    pooling = (flags["pooling"].value or "").lower() if "pooling" in flags else ""
    if "rerank" in flags or pooling == "rank":
        draft.carry("mode", "rerank", *flags.values())
    elif "embedding" in flags or pooling in ("mean", "cls", "last"):
        draft.carry("mode", "embedding", *(flag for flag in flags.values() if flag.key != "pooling"))
        if pooling in ("mean", "cls", "last"):
            draft.carry("pooling", pooling, flags["pooling"])
        elif pooling:
            draft.leave(flags["pooling"], "One vector for each text is all that is served here")
    elif "pooling" in flags:
        draft.leave(flags["pooling"], "It is for a model of embeddings")
    if "mode" in draft.keys:
        _whole_texts(draft, pooling)


def _whole_texts(draft: Draft, pooling: str) -> None:
    """A text is computed at once (plan/models/abilities.py): what it may have, `ubatch` has to have room for."""
    if "context" in draft.remarks:
        draft.keys["context"] = draft.keys.get("ubatch", _UBATCH)
    context, ubatch = draft.keys["context"], draft.keys.get("ubatch", _UBATCH)
    if pooling != "last" and ubatch < context:
        draft.keys["ubatch"] = most = min(context, _LONGEST_TEXT)
        draft.keys["context"] = most
        what = f"a text is computed at once, and the server took none above {ubatch} tokens unless it pools by the last"
        draft.remarks["ubatch"] = what


def _aliases(flags: Flags, draft: Draft) -> None:
    for flag in flags.values():
        named = [name for name in (it.strip() for it in (flag.value or "").split(",")) if name]
        draft.keys["aliases"] = [*draft.keys.get("aliases", ()), *named]
        draft.told("aliases", flag)


# The order counts: what is an answer, or a text, is known when its context is.
ROWS = (
    Row("model hf-repo hf-file model-url docker-repo", source.take_model),
    Row("mmproj mmproj-url mmproj-auto", source.take_projector),
    Row("ctx-size parallel kv-unified fit-ctx", _tokens),
    Row("predict", _answers),
    Row("cache-type-k cache-type-v", _cache),
    Row("batch-size ubatch-size", _batches),
    Row("embedding rerank pooling", _modes),
    Row("reasoning reasoning-budget", thinking.take),
    Row("alias", _aliases),
)


def _is(*values: str) -> Callable[[Given], bool]:
    return lambda flag: (flag.value or "").lower() in values


def _any(_: Given) -> bool:
    return True


def _positive(flag: Given) -> bool:
    return not flag.name.startswith("no-")


def _negative(flag: Given) -> bool:
    return not _positive(flag)


def _all_layers(flag: Given) -> bool:
    value = (flag.value or "").lower()
    return value in ("all", "auto") or (value.lstrip("-").isdecimal() and (int(value) >= 99 or int(value) < 0))


# Flags by their first names, and whether a model here has them so anyway; `server` is how the image `full` is started.
_ANYWAY: Mapping[str, Callable[[Given], bool]] = {
    **dict.fromkeys(("host", "port", "offline", "no-mmap", "server", "reuse-port"), _any),
    **dict.fromkeys(("jinja", "cont-batching", "kv-offload", "warmup", "mmproj-offload", "repack"), _positive),
    **dict.fromkeys(("ui", "agent"), _negative),
    "flash-attn": lambda flag: is_yes(flag.value) or _is("auto", "-1")(flag),
    "fit": _is("off", "0", "false", "disabled"),
    "gpu-layers": _all_layers,
    "load-mode": _is("none"),
    "cache-ram": _is("512"),
    "split-mode": _is("none"),
    "main-gpu": _is("0"),
}


def _is_anyway(flag: Given) -> bool:
    judge = _ANYWAY.get(flag.key)
    return judge is not None and judge(flag)
