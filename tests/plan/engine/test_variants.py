"""Variants: one load under several names, each with parameters that llama-swap sets in requests for it."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan.base.errors import ConfigError
from plan.config.of_model.variant import Variant
from plan.engine import llama_swap_schema
from plan.plan import Plan
from tests import stacks
from tests.plan.models.entries import refusal
from tests.plans import made

ID = "qwen3-8b"
THINKS = {"chat-template-kwargs": '{"enable_thinking":true}'}
BOUND = {"reasoning-budget": 1024}


def raw(variants: dict[str, Any], stack: str = "t4", **keys: Any) -> dict[str, Any]:
    written = stacks.raw(stack)
    model_id = ID if stack == "t4" else min(written["models"])
    written["models"][model_id] |= {"variants": variants, **keys}
    return written


def planned(variants: dict[str, Any], **keys: Any) -> Plan:
    return made(raw(variants, **keys))


def entry(plan: Plan) -> dict[str, Any]:
    text = yaml.safe_load(plan.server.files["llama-swap.yaml"])
    assert llama_swap_schema.Config.model_validate(text)
    return text["models"][ID]


def test_llama_swap_sets_them_for_requests_of_that_name() -> None:
    plan = planned({"creative": {"temperature": 1.2, "top_k": 0}, "Think:Deep": {"reasoning": "on"}}, args=BOUND)

    assert entry(plan)["filters"] == {
        "setParamsByID": {
            "Think:Deep": {"chat_template_kwargs.enable_thinking": True},
            "creative": {"temperature": 1.2, "top_k": 0},
        }
    }
    assert "filters" not in entry(planned({}))


def test_yamls_own_off_is_off() -> None:
    plan = planned({"quick": {"reasoning": False}})

    assert entry(plan)["filters"]["setParamsByID"]["quick"] == {"chat_template_kwargs.enable_thinking": False}


def test_gateways_ask_for_the_name_and_the_contract_says_what_it_does() -> None:
    plan = planned({"creative": {"temperature": 1.2}}, aliases=["assistant"])
    (model,) = [it for it in plan.contract["models"] if it["id"] == ID]
    assert model["aliases"] == ["assistant", "creative"]
    assert model.get("variants") == {"creative": {"temperature": 1.2}}

    asked = {it["model_name"]: it["litellm_params"]["model"] for it in yaml.safe_load(plan.litellm)["model_list"]}
    assert asked["creative"] == "openai/creative"
    assert asked["assistant"] == f"openai/{ID}"


def test_the_longest_answer_of_a_variant_is_its_own_whatever_a_request_calls_it() -> None:
    plan = planned({"short": {"max_tokens": 64}}, max_output_tokens=512)

    set_ = entry(plan)["filters"]["setParamsByID"]["short"]
    assert set_ == dict.fromkeys(("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict"), 64)
    longest = {
        it["model_name"]: it["model_info"]["max_output_tokens"] for it in yaml.safe_load(plan.litellm)["model_list"]
    }
    assert (longest["short"], longest[ID]) == (64, 512)


@pytest.mark.parametrize(
    ("variants", "keys", "said"),
    [
        ({"a": {}}, {}, "A variant sets a parameter"),
        ({"a": {"temperature": None}}, {}, "A variant sets a parameter"),
        ({"a": {"repeat_penalty": 0}}, {}, "variants.a.repeat_penalty"),
        ({"a": {"max_tokens": 513}}, {"max_output_tokens": 512}, "variants.a.max_tokens"),
        ({"a": {"max_tokens": 100}}, {"args": {**BOUND, **THINKS}}, "raise variants.a.max_tokens"),
        ({"a": {"temprature": 1}}, {}, "variants.a.temprature"),
        ({"a": {"temperature": 2.5}}, {}, "variants.a.temperature"),
        ({"a": {"temperature": float("nan")}}, {}, "variants.a.temperature"),
        ({"a": {"max_tokens": 10**6}}, {}, "variants.a.max_tokens"),
        ({"a b": {"seed": 1}}, {}, "a b"),
        ({"${PORT}": {"seed": 1}}, {}, "PORT"),
        ({ID: {"seed": 1}}, {}, "is a model's id already"),
        ({"qwen3vl-8b": {"seed": 1}}, {}, "is a model's id already"),
        ({"x": {"seed": 1}}, {"aliases": ["x"]}, f"is an alias of {ID} already"),
        ({"a": {"reasoning": "on"}}, {}, "variants.a.reasoning"),
        ({"a": {"reasoning": "on"}}, {"args": {"reasoning-budget": -1}}, "variants.a.reasoning"),
        ({"a": {"reasoning": "on", "max_tokens": 1024}}, {"args": BOUND}, "variants.a.max_tokens"),
        ({"a": {"max_tokens": 512}}, {"reasoning": "on", "args": BOUND}, "variants.a.max_tokens"),
        ({"a": {"seed": 1}}, {"mode": "embedding", "pooling": "last", "tools": True}, "writes no answer"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(variants: dict[str, Any], keys: dict[str, Any], said: str) -> None:
    assert said in refusal(raw(variants, **keys))


@pytest.mark.parametrize(
    ("variants", "keys"),
    [
        ({"a": {"reasoning": "on"}}, {"args": BOUND}),
        ({"a": {"reasoning": "on", "max_tokens": 1025}}, {"args": BOUND}),
        ({"a": {"reasoning": "off", "max_tokens": 16}}, {"reasoning": "on", "args": BOUND}),
        ({"a": {"max_tokens": 16}}, {"args": BOUND}),
    ],
)
def test_thoughts_need_a_bound_that_leaves_an_answer_and_what_does_not_think_needs_none(
    variants: dict[str, Any], keys: dict[str, Any]
) -> None:
    assert entry(planned(variants, **keys))["filters"]


def test_llama_cpps_own_router_has_none() -> None:
    said = refusal(raw({"a": {"seed": 1}}, stack="cpu"))

    assert "variants" in said
    assert "server.engine: llama-swap" in said


parameters = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2), "top_p": st.floats(0, 1), "top_k": st.integers(0, 1000),
        "presence_penalty": st.floats(-2, 2), "seed": st.integers(0, 2**31 - 1), "max_tokens": st.integers(1, 4096),
        "reasoning": st.sampled_from(["on", "off", True, False]), "reasoning_effort": st.sampled_from(["low", "high"]),
    },
)  # fmt: skip


@given(variant=parameters.filter(bool))
def test_each_parameter_that_is_written_is_set_and_no_other(variant: dict[str, Any]) -> None:
    said = Variant.model_validate(variant).parameters

    thinks = said.pop("chat_template_kwargs.enable_thinking", None)
    for name in ("max_completion_tokens", "max_output_tokens", "n_predict"):
        assert said.pop(name, None) == variant.get("max_tokens")
    assert said == {key: value for key, value in variant.items() if key != "reasoning"}
    assert thinks == {"on": True, "off": False}.get(variant.get("reasoning"), variant.get("reasoning"))


def test_an_error_of_a_number_that_no_request_has_names_it() -> None:
    with pytest.raises(ConfigError, match=r"variants\.a\.top_k"):
        planned({"a": {"top_k": "many"}})
