"""The contract promises what the engine does and what the files can; tests/gateway/test_truth.py asks a real one."""

from typing import Any

import pytest

from plan.models.lock import Lock
from plan.plan import Plan
from tests import stacks
from tests.plans import made

TEXT, VISION = "qwen3-8b", "qwen3vl-8b"


def planned(
    keys: dict[str, Any] | None = None, engine: str = "llama-swap", facts: dict[str, Any] | None = None
) -> Plan:
    """The plan of t4 with more keys at one model, and other facts of its template."""
    raw, lock = stacks.raw("t4"), stacks.locked()
    raw["server"]["engine"] = engine
    raw["models"][TEXT].update(keys or {})
    return made(raw, with_shape(lock, **(facts or {})))


def with_shape(lock: Lock, **facts: Any) -> Lock:
    entry = lock.models[TEXT]
    gguf = entry.gguf.model_copy(update={"shape": entry.gguf.shape.model_copy(update=facts)})
    return lock.model_copy(update={"models": {**lock.models, TEXT: entry.model_copy(update={"gguf": gguf})}})


def of(plan: Plan, model_id: str = TEXT) -> dict[str, Any]:
    (found,) = (model for model in plan.contract["models"] if model["id"] == model_id)
    return dict(found)


def test_metrics_are_where_an_engine_answers_without_a_key() -> None:
    assert planned().contract["metrics"] == "http://llama-swap.llama-cpp.svc.cluster.local:8080/metrics"
    assert planned(engine="llama-server").contract["metrics"] is None


@pytest.mark.parametrize(
    ("facts", "keys", "expected"),
    [
        ({"chat_template": True, "chat_template_tools": True}, {}, True),
        ({"chat_template": True, "chat_template_tools": True}, {"tools": False}, False),
        ({"chat_template": True, "chat_template_tools": False}, {}, False),
        ({"chat_template": True, "chat_template_tools": False}, {"tools": True}, False),
        ({"chat_template": False}, {}, False),
        ({"chat_template": False}, {"args": {"chat-template": "chatml"}}, True),
        ({"chat_template": True}, {}, True),
        ({"chat_template": None}, {"tools": False}, False),
    ],
)
def test_tools_are_promised_only_where_the_template_has_them(
    facts: dict[str, Any], keys: dict[str, Any], expected: bool
) -> None:
    plan = planned(keys, facts=facts)

    assert of(plan)["tools"] is expected
    assert f"supports_function_calling: {str(expected).lower()}" in plan.litellm
    wished = keys.get("tools") is True and not expected
    assert wished is any("the contract says that it calls none" in note for note in plan.notes)


def test_images_and_their_urls_are_promised_where_a_projector_sees() -> None:
    assert (of(planned())["vision"], of(planned())["remoteImages"]) == (False, False)
    assert (of(planned(), VISION)["vision"], of(planned(), VISION)["remoteImages"]) == (True, True)

    lock = stacks.locked()
    entry = lock.models[VISION]
    assert entry.gguf.projector
    hears = entry.gguf.projector.model_copy(update={"has_vision_encoder": False})
    entry = entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"projector": hears})})
    plan = made(stacks.raw("t4"), lock.model_copy(update={"models": {**lock.models, VISION: entry}}))
    assert (of(plan, VISION)["vision"], of(plan, VISION)["remoteImages"]) == (False, False)


@pytest.mark.parametrize(("engine", "file"), [("llama-swap", "llama-swap.yaml"), ("llama-server", "models.ini")])
def test_the_longest_answer_reaches_the_engine_where_the_stack_names_it(engine: str, file: str) -> None:
    named, unnamed = planned({"max_output_tokens": 777}, engine), planned(engine=engine)

    assert (of(named)["maxOutputTokens"], of(named)["outputLimit"]) == (777, "default")
    assert named.server.files[file].count("predict") == 1
    assert "predict 777" in named.server.files[file].replace(" = ", " ")
    assert (of(unnamed)["maxOutputTokens"], of(unnamed)["outputLimit"]) == (8192, "none")
    assert "predict" not in unnamed.server.files[file]
