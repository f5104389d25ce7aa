"""What messages advise to write into a stack file, each with a stack that gets the message and one that follows it.

tests/house/test_hints.py finds every such advice in the sources; test_advice.py here follows them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from plan.models.lock import Lock
from tests import stacks

Raw = dict[str, Any]
MODEL = "qwen3-8b"
LARGE = {"model": "other", "card": {"total_mib": 81920, "context_mib": 300, "compute_capability": 9.0}}
MEASURED = [{"mib": 8000, "context": 16384, "date": "2026-08-21"}]


@dataclass(frozen=True, slots=True)
class Advice:
    """A stack for which `says` is in the message, and in `notes` of its preview where it is no refusal."""

    says: str
    wrong: Callable[[Raw], None]
    right: Callable[[Raw], None]
    lock: Callable[[], Lock] = stacks.locked


def model(**keys: Any) -> Callable[[Raw], None]:
    """Set keys of a model; None takes one away."""

    def change(raw: Raw) -> None:
        raw["gpu"] = {**raw["gpu"], **LARGE}
        raw["server"] = {**raw["server"], "memory_limit_mib": 32768}
        entry = raw["models"][MODEL]
        entry.update(keys)
        for key in [key for key, value in entry.items() if value is None]:
            del entry[key]

    return change


def card(name: object) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        raw["gpu"] = {**raw["gpu"], "model": name}

    return change


def another_maker(name: str) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        figures = {"total_mib": 49152, "driver_mib": 300, "context_mib": 200}
        raw["gpu"] = {**raw["gpu"], "model": name, "card": figures}

    return change


def engine(name: str, **keys: Any) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        model(**keys)(raw)
        raw["server"]["engine"] = name

    return change


def host_memory(limit_mib: int) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        raw["server"] = {**raw["server"], "memory_request_mib": 512, "memory_limit_mib": limit_mib}
        raw["models"][MODEL]["cache_ram_mib"] = 512

    return change


def unknown_architecture() -> Lock:
    whole = stacks.locked()
    entry = whole.models[MODEL]
    shape = entry.gguf.shape.model_copy(update={"architecture": "mamba2"})
    return _with(whole, MODEL, entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"shape": shape})}))


def unknown_projector() -> Lock:
    whole = stacks.locked()
    entry = whole.models["qwen3vl-8b"]
    assert entry.gguf.projector
    odd = entry.gguf.projector.model_copy(update={"projector_type": "of-next-year"})
    return _with(
        whole, "qwen3vl-8b", entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"projector": odd})})
    )


def _with(whole: Lock, model_id: str, entry: Any) -> Lock:
    return whole.model_copy(update={"models": {**whole.models, model_id: entry}})


def pooled(kind: int) -> Callable[[], Lock]:
    """The lock with a model whose header says how a text becomes one vector."""

    def lock() -> Lock:
        whole = stacks.locked()
        entry = whole.models[MODEL]
        shape = entry.gguf.shape.model_copy(update={"pooling_type": kind, "source": "header"})
        return _with(whole, MODEL, entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"shape": shape})}))

    return lock


def measured_projector(raw: Raw) -> None:
    raw["gpu"] = {**raw["gpu"], **LARGE}
    raw["models"]["qwen3vl-8b"]["measured"] = [{**MEASURED[0], "context": 3072, "image_max_tokens": 1024}]


SHORT = partial(model, context=512)
BOUND, SWITCH = {"reasoning-budget": 1024}, "no-context-shift"
FOLLOWED: dict[tuple[str, str], list[Advice]] = {
    ("plan/models/thinking.py", "reasoning: off"): [
        Advice("Say `reasoning: off`", model(reasoning="on"), model(reasoning="off")),
        Advice("Say `reasoning: off`", model(reasoning="auto"), model(reasoning=False)),  # YAML's own off
    ],
    ("plan/models/thinking.py", "args: {X: 1024}"): [
        Advice("args: {reasoning-budget: 1024}", model(reasoning="on"), model(reasoning="on", args=BOUND)),
    ],
    ("plan/models/abilities.py", "mode: X"): [
        Advice("write `mode: embedding`", model(mode="chat"), model(mode="embedding"), pooled(3)),
        Advice("write `mode: rerank`", SHORT(mode="chat"), SHORT(mode="rerank"), pooled(4)),
    ],
    ("plan/models/abilities.py", "mode: embedding"): [
        Advice("It is for `mode: embedding`", model(pooling="last"), model(mode="embedding", pooling="last")),
    ],
    ("plan/models/abilities.py", "pooling: last"): [
        Advice("write `pooling: last`", model(mode="embedding"), model(mode="embedding", pooling="last")),
    ],
    ("plan/models/abilities.py", "ubatch: X"): [
        Advice("write `ubatch: 1024`", model(context=1024), model(context=1024, ubatch=1024), pooled(1)),
        Advice("or a context of 512", model(context=1024), model(context=512), pooled(4)),
    ],
    ("plan/catalogue/names.py", "model: other"): [
        Advice("Any other is `model: other`", card("Quadro RTX 4000"), model()),
        Advice("A stack has one card", card(["t4", "t4"]), card("t4")),
        Advice("there is rtx-4060-ti-16gb", card("RTX 4060 Ti"), card("rtx-4060-ti-16gb")),
        Advice("`none` is no card", card("no card"), card("t4")),
    ],
    (
        "plan/catalogue/names.py",
        "card: {total_mib: ..., driver_mib: ..., context_mib: ..., compute_capability: ...}",
    ): [Advice("`card: {total_mib: ..., driver_mib: ...", card("rtx-6090"), model())],
    ("plan/catalogue/names.py", "model: amd"): [Advice("`model: amd`", card("RX 7900 XTX"), another_maker("amd"))],
    ("plan/catalogue/names.py", "model: intel"): [Advice("`model: intel`", card("Arc A770"), another_maker("intel"))],
    ("plan/catalogue/names.py", "card: {total_mib: ..., driver_mib: ..., context_mib: ...}"): [
        Advice("its figures: `card: {total_mib: ...", card("Radeon Pro W7900"), another_maker("amd")),
    ],
    ("plan/engine/args.py", "X: true"): [
        Advice(f"`{SWITCH}: true`", model(args={"context-shift": False}), model(args={SWITCH: True})),
        Advice("`escape: true`", model(args={"no-escape": "off"}), model(args={"escape": True})),
    ],
    ("plan/card/model_rules.py", "args: {rope-scaling: yarn, rope-scale: ...}"): [
        Advice(
            "stretch it with `args: {rope-scaling: yarn, rope-scale: ...}`",
            model(context=65536),
            model(context=65536, args={"rope-scaling": "yarn", "rope-scale": 2}),
        ),
    ],
    ("plan/models/residency.py", "resident: true"): [
        Advice(
            "Write `resident: true` in place of it",
            model(swap_group="resident"),
            model(resident=True, swap_group=None),
        ),
    ],
    ("plan/engine/environment.py", "server.engine: llama-swap"): [
        Advice(
            "or `server.engine: llama-swap`",
            engine("llama-server", env={"A": "b"}),
            engine("llama-swap", env={"A": "b"}),
        ),
    ],
    ("plan/host/pod_limit.py", "memory_limit_mib: X"): [
        Advice("Write `memory_limit_mib: 5", host_memory(1024), host_memory(5999)),
    ],
    ("plan/host/pod_limit.py", "cache_ram_mib: 0"): [
        Advice("Or `cache_ram_mib: 0`", model(cache_ram_mib=50000), model(cache_ram_mib=0)),
    ],
    ("plan/models/residency.py", "server.engine: llama-swap"): [
        Advice(
            "Use `server.engine: llama-swap`",
            engine("llama-server", concurrency=20),
            engine("llama-swap", concurrency=20),
        ),
        Advice(
            "Use `server.engine: llama-swap`",
            engine("llama-server", resident=True),
            engine("llama-swap", resident=True),
        ),
        Advice(
            "Use `server.engine: llama-swap`",
            engine("llama-server", swap_group="another"),
            engine("llama-swap", swap_group="another"),
        ),
    ],
    ("plan/vram/layers.py", "measured:"): [
        Advice("needs a `measured:` value", model(), model(measured=MEASURED), unknown_architecture),
    ],
    ("plan/vram/projector.py", "measured:"): [
        Advice("needs a `measured:` value", model(), measured_projector, unknown_projector),
    ],
    # Its message is about an answer; that it can be written is all that is to be seen here.
    ("ops/verify/questions.py", 'reasoning: "off"'): [
        Advice("reasoning", model(reasoning="on"), model(reasoning="off")),
    ],
    # Followed by tests/plan/live/test_live_tenants.py, which has a cluster's answer.
    ("plan/live/live_tenants.py", "workload: namespace/name"): [],
    # Followed by tests/plan/live/test_live_ttl.py, in which each kind is the right one once.
    ("plan/live/live_ttl.py", "kind: X"): [],
    # Followed by tests/engine/card/test_scheduler.py, on a cluster.
    ("plan/live/live_slices.py", "tolerations: [{key: XX, effect: X}]"): [],
}
