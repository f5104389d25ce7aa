"""The file a LiteLLM gateway includes; tests/gateway shows that the real proxy does with it what it is for."""

from typing import Any

import pytest
import yaml

from plan.gateway import litellm
from tests import golden, stacks
from tests.plans import planned


def entries(text: str) -> list[dict[str, Any]]:
    return yaml.safe_load(text)["model_list"]


def test_the_file_is_the_golden_one() -> None:
    assert planned("t4").litellm == (golden.PLANS / "litellm.yaml").read_text(), "run `make golden` and read the diff"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_an_included_file_has_no_section_that_would_replace_the_gateways_own(stack: str) -> None:
    assert list(yaml.safe_load(planned(stack).litellm)) == ["model_list"], "general_settings takes the master key along"


def test_every_id_and_alias_is_an_entry_that_asks_for_the_models_id() -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"]["aliases"] = ["default", "chat"]

    asked = {e["model_name"]: e["litellm_params"]["model"] for e in entries(planned("t4", **raw).litellm)}

    assert asked == {
        **{model_id: f"openai/{model_id}" for model_id in raw["models"]},
        "default": "openai/qwen3-8b",
        "chat": "openai/qwen3-8b",
    }


def test_a_gateway_waits_longer_than_the_longest_load() -> None:
    plan = planned("t4")
    for entry in entries(plan.litellm):
        for key in ("timeout", "stream_timeout"):
            assert entry["litellm_params"][key] > plan.contract["limits"]["coldLoadSecondsMax"]


def test_no_fallback_leads_to_a_model_that_would_evict_the_one_in_use() -> None:
    contract = planned("t4").contract
    models = {model["id"]: model for model in contract["models"]}
    assert len({model["swapGroup"] for model in models.values()}) == 1, "or this shows nothing"
    contract["models"] = [{**model, "fallback": min(models.keys() - {model["id"]})} for model in contract["models"]]

    assert "fallback" not in litellm.render(contract)


def test_the_key_is_named_and_not_told() -> None:
    for entry in entries(planned("t4").litellm):
        assert entry["litellm_params"]["api_key"] == "os.environ/LLAMA_SWAP_API_KEY"
