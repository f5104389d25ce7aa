"""Flags that every model has here anyway, as they stand in a command: they need no key."""

from collections.abc import Callable, Mapping

from ops.adopt.flags.given import Given, is_yes


def _is(*values: str) -> Callable[[Given], bool]:
    return lambda flag: (flag.value or "").lower() in values


def _any(_: Given) -> bool:
    return True


def _positive(flag: Given) -> bool:
    return not flag.name.startswith("no-")


def _negative(flag: Given) -> bool:
    return not _positive(flag)


def all_layers(flag: Given) -> bool:
    """Whether it puts every layer on the card."""
    value = (flag.value or "").lower()
    return value in ("all", "auto") or (value.lstrip("-").isdecimal() and (int(value) >= 99 or int(value) < 0))


# Flags by their first names, and whether a model here has them so anyway; `server` is how the image `full` is started.
_ANYWAY: Mapping[str, Callable[[Given], bool]] = {
    **dict.fromkeys(("host", "port", "offline", "no-mmap", "server", "reuse-port"), _any),
    **dict.fromkeys(("jinja", "cont-batching", "kv-offload", "warmup", "mmproj-offload", "repack"), _positive),
    **dict.fromkeys(("ui", "agent"), _negative),
    "flash-attn": lambda flag: is_yes(flag.value) or _is("auto", "-1")(flag),
    "fit": _is("off", "0", "false", "disabled"),
    "gpu-layers": all_layers,
    "load-mode": _is("none"),
    "cache-ram": _is("512"),
    "split-mode": _is("none"),
    "main-gpu": _is("0"),
}


def is_anyway(flag: Given) -> bool:
    """Whether every model here has it so, or it says nothing that matters."""
    judge = _ANYWAY.get(flag.key)
    return judge is not None and judge(flag)
