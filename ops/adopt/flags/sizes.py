"""What a model takes at a time: tokens, answers, cache and batches; and what it is asked for, on which they depend."""

from collections.abc import Callable, Mapping

from ops.adopt.draft import Draft
from ops.adopt.flags.given import Given

Flags = Mapping[str, Given]
_SLOTS = 256  # the most that `parallel` takes, plan/config/numbers.py
# llama-server's own --fit leaves a context of this many tokens at least (0.5.0, --fit-ctx).
_CONTEXT = 4096
_UBATCH, _BATCH = 512, 2048  # llama-server's own
_LONGEST_TEXT = 8192
_KV_TYPES = ("f16", "q8_0", "q4_0")
# llama.cpp 0.5.0, tools/server/server.cpp: four slots, and one cache for all of them. Builds before that had one.
_AUTOMATIC = (
    "nothing said how many requests are served at a time: a llama-server of today takes four, which share the context; "
    "here it is one, and others wait (`parallel`, `kv_unified`)"
)


def whole(key: str) -> Callable[[Flags, Draft], None]:
    """For a flag whose number stands at `key`; 0 and less mean that llama-server has no such limit."""

    def take(flags: Flags, draft: Draft) -> None:
        for flag in flags.values():
            number = whole_number(flags, flag.key, draft)
            if number is not None and number > 0:
                draft.carry(key, number, flag)
            elif number is not None:
                draft.needless(flag)

    return take


def count(key: str) -> Callable[[Flags, Draft], None]:
    """For a flag whose number stands at `key`, 0 too; less means all there is, which is bounded here."""

    def take(flags: Flags, draft: Draft) -> None:
        for flag in flags.values():
            number = whole_number(flags, flag.key, draft)
            if number is not None and number < 0:
                draft.leave(flag, f"It is bounded here: `{key}`")
            elif number is not None:
                draft.carry(key, number, flag)

    return take


def whole_number(flags: Flags, name: str, draft: Draft) -> int | None:
    """The flag's whole number; None where it is not there, or where it is none and left."""
    if (flag := flags.get(name)) is None:
        return None
    try:
        return int(flag.value or "")
    except ValueError:
        draft.leave(flag, "It takes a whole number")
        return None


def take_tokens(flags: Flags, draft: Draft) -> None:
    """`context` is of one request; llama-server divides its --ctx-size among its slots."""
    names = ("ctx-size", "fit-ctx", "kv-unified-per-slot", "parallel")
    said, least, limit, slots = (whole_number(flags, name, draft) for name in names)
    total = next((it for it in (said, least) if it and it > 0), 0)
    slots = _slots(flags, slots, total, draft)
    shared = flags.get("kv-unified")
    is_shared = shared is not None and slots > 1 and not limit and not shared.name.startswith("no-")
    if shared and is_shared:
        draft.carry("kv_unified", True, shared)
    elif shared:
        draft.needless(shared)
    context = total // (1 if is_shared else slots)
    if limit and limit > 0:
        context = min(limit, context or limit)
    if not context and not (context := max(draft.context_of_capabilities, 0)):
        context = _CONTEXT
        there = "what fitted" if said is None else "all that it was trained for"
        draft.remarks["context"] = f"llama-server took {there}, without a number; this one is ours, raise it as it fits"
    draft.carry("context", context, *(flags[name] for name in names[:3] if name in flags))
    if slots > 1:
        draft.keys["parallel"] = slots
    if "parallel" in flags:
        draft.told("parallel", flags["parallel"])


def _slots(flags: Flags, slots: int | None, total: int, draft: Draft) -> int:
    """Requests at a time: where nothing says how many, one, and a person is told how many there were."""
    if slots is None or slots < 0:
        draft.notes.append(_AUTOMATIC)
    most = min(_SLOTS, total or _CONTEXT)
    if slots is not None and slots > most:
        draft.leave(flags["parallel"], f"{most} are the most here")
        return 1
    return max(slots or 1, 1)


def take_cache(flags: Flags, draft: Draft) -> None:
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


def take_batches(flags: Flags, draft: Draft) -> None:
    """A ubatch above the batch is cut to it (llama.cpp 0.5.0, src/llama-context.cpp)."""
    batch, ubatch = (_tokens(flags, name, draft) for name in ("batch-size", "ubatch-size"))
    wanted = ubatch or _UBATCH
    used = min(wanted, batch) if batch else wanted
    if used != _UBATCH:
        draft.keys["ubatch"] = used
    if ubatch:
        draft.told("ubatch", flags["ubatch-size"])
    if batch and batch == max(_BATCH, used):
        draft.needless(flags["batch-size"])
    elif batch:
        draft.carry("batch", batch, flags["batch-size"])


def _tokens(flags: Flags, name: str, draft: Draft) -> int | None:
    number = whole_number(flags, name, draft)
    if number is not None and number < 1:
        draft.leave(flags[name], "It takes a token or more")
        return None
    return number


def take_modes(flags: Flags, draft: Draft) -> None:
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
