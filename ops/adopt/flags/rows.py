"""Where each flag of llama-server goes: a row for those that have a key here, `args` for the rest that it takes.

A key that a model gets one day is one more row here, and the flag's line in plan/engine/flag_policy.py.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ops.adopt.draft import Draft
from ops.adopt.flags import drafting, experts, sizes, source, thinking
from ops.adopt.flags.anyway import is_anyway
from ops.adopt.flags.given import STRAY, Given
from plan.base.errors import ConfigError
from plan.base.flag_value import ArgValue
from plan.engine.args import rendered
from plan.engine.flag_policy import refused
from plan.engine.llama_server_flags import BUILD

Flags = Mapping[str, Given]
_DIGITS = 16
# Flags of which llama-server takes each that a command has (llama.cpp 0.5.0, common/arg.cpp).
_ADD_UP = {
    "alias", "reverse-prompt", "logit-bias", "dry-sequence-breaker", "lora", "lora-scaled", "control-vector",
    "override-kv", "override-tensor", "api-key",
}  # fmt: skip


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
            again = found.pop(flag.key, None)
            found[flag.key] = flag if again is None else _of_two(again, flag, draft)
    for flag in [flag for flag in found.values() if is_anyway(flag)]:
        draft.needless(found.pop(flag.key))
    for row in ROWS:
        row.take({name: found.pop(name) for name in row.flags.split() if name in found}, draft)
    for flag in found.values():
        _as_arg(flag, draft)


def _of_two(before: Given, flag: Given, draft: Draft) -> Given:
    """What counts of a flag that is there again."""
    if flag.key == "alias" and before.value and flag.value:
        draft.told("aliases", before)
        return flag._replace(value=f"{before.value},{flag.value}")
    if is_anyway(before):
        draft.needless(before)
    elif flag.key in _ADD_UP:
        draft.leave(before, f"It counts there beside {flag.told}; here a flag is there once")
    else:
        draft.leave(before, f"It is there again, as {flag.told}, which counts")
    return flag


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


def _aliases(flags: Flags, draft: Draft) -> None:
    for flag in flags.values():
        named = [name for name in (it.strip() for it in (flag.value or "").split(",")) if name]
        draft.keys["aliases"] = [*draft.keys.get("aliases", ()), *named]
        draft.told("aliases", flag)


# The order counts: what is an answer, or a text, is known when its context is.
ROWS = (
    Row("model hf-repo hf-file model-url docker-repo", source.take_model),
    Row("mmproj mmproj-url mmproj-auto", source.take_projector),
    Row("ctx-size parallel kv-unified kv-unified-per-slot fit-ctx", sizes.take_tokens),
    Row("predict", sizes.whole("max_output_tokens")),
    Row("sleep-idle-seconds", sizes.whole("ttl_s")),
    Row("cache-type-k cache-type-v", sizes.take_cache),
    Row("batch-size ubatch-size", sizes.take_batches),
    Row("cpu-moe n-cpu-moe override-tensor", experts.take),
    Row(drafting.FLAGS, drafting.take),
    Row("cache-ram", sizes.count("cache_ram_mib")),
    Row("ctx-checkpoints", sizes.count("ctx_checkpoints")),
    Row("image-min-tokens", sizes.whole("image_min_tokens")),
    Row("embedding rerank pooling", sizes.take_modes),
    Row("reasoning reasoning-budget", thinking.take),
    Row("alias", _aliases),
)
