"""Where the keys of the whole file go: none of them is a model's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from ops.adopt.llama_swap.document import SwapFile
from plan.engine.llama_swap_schema import Config
from plan.text.show import plain, show

# How llama-swap works and what it logs, which the stack says itself; `turns` has read the last three.
_NEEDLESS = {
    "healthCheckTimeout", "startPort", "logLevel", "logTimeFormat", "logToStdout", "logRequests", "metricsMaxInMemory",
    "captureBuffer", "store", "ui", "performance", "sendLoadingState", "includeAliasesInList", "unloadTimeout",
    "upstream", "globalTTL", "groups", "matrix", "routing", "hooks",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class About:
    """Lines about what is left out, and the keys that mean nothing here."""

    left: list[str]
    needless: list[str]


def lines_about(file: SwapFile) -> About:
    """Every key of the file but its models and macros is in one of both."""
    left = [line for key, value in file.rest.items() if key not in _NEEDLESS for line in _left(key, value)]
    if file.idle:
        left.append(f"macros {', '.join(map(plain, file.idle))}: nothing uses them")
    return About(left, [key for key in file.rest if key in _NEEDLESS and key not in ("groups", "matrix", "hooks")])


def _left(key: str, value: Any) -> Iterator[str]:
    entries = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    match key:
        case "apiKeys":
            count = len(cast("list[Any]", value)) if isinstance(value, list) else 1
            yield f"apiKeys, {count} of them: the stack makes a key of its own, in a Secret"
        case "peers" | "profiles" | "selectors" if not entries:
            yield f"{key} {show(cast('object', value))}: it is a mapping"
        case "peers":
            for name, peer in entries.items():
                models = cast("dict[str, Any]", peer).get("models") if isinstance(peer, dict) else None
                yield f"peers {plain(name)} with {show(models, 200)}: models of other servers are none of this stack"
        case "profiles" | "selectors":
            for name, one in entries.items():
                yield f"{key} {plain(name)} {show(one, 200)}: a name stands for one model here; `aliases` has others"
        case _:
            reason = "the stack has its own" if key in Config.model_fields else "llama-swap v250 has no such key"
            yield f"{plain(key)}: {reason}"
