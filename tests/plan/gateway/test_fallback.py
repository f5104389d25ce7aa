"""A fallback is another model of the stack, and a gateway is told only of one that loads beside the model."""

from typing import Any

import pytest
import yaml

from plan.base.errors import ConfigError
from tests.plans import with_models


def sections(changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the LiteLLM file tells a person to copy."""
    lines = with_models(changes).litellm.splitlines()
    return yaml.safe_load("\n".join(line.removeprefix("#   ") for line in lines if line.startswith("#   ")))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"qwen3-8b": {"fallback": "gpt"}}, r"qwen3-8b\.fallback: got 'gpt'. It names no model .* qwen3vl-8b"),
        ({"qwen3-8b": {"fallback": "qwen3-8b"}}, r"qwen3-8b -> qwen3-8b is a circle"),
        (
            {"qwen3-8b": {"fallback": "qwen3vl-8b"}, "qwen3vl-8b": {"fallback": "qwen3-8b"}},
            r"qwen3-8b -> qwen3vl-8b -> qwen3-8b is a circle",
        ),
    ],
)
def test_a_fallback_that_leads_nowhere_or_in_a_circle_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        with_models(changes)


def test_a_model_that_leads_into_anothers_circle_is_not_blamed() -> None:
    changes = {"qwen3-8b": "qwen3vl-8b", "qwen3vl-8b": "qwen3vl-4b", "qwen3vl-4b": "qwen3vl-8b"}
    with pytest.raises(ConfigError) as caught:
        with_models({model_id: {"fallback": other} for model_id, other in changes.items()})
    assert [line.split(".fallback")[0].split(".")[-1] for line in str(caught.value).splitlines()] == [
        "qwen3vl-4b",
        "qwen3vl-8b",
    ]


def test_the_contract_names_it_and_the_gateway_is_told_of_one_that_stays_beside() -> None:
    changes = {"qwen3-8b": {"fallback": "qwen3vl-4b", "aliases": ["default"]}, "qwen3vl-4b": {"resident": True}}
    contract = with_models(changes).contract
    assert {model["id"]: model["fallback"] for model in contract["models"]}["qwen3-8b"] == "qwen3vl-4b"
    wanted = [{"qwen3-8b": ["qwen3vl-4b"]}, {"default": ["qwen3vl-4b"]}]
    assert sections(changes)["router_settings"]["fallbacks"] == wanted
    other_group = {"qwen3-8b": changes["qwen3-8b"], "qwen3vl-4b": {"swap_group": "vision"}}
    assert sections(other_group)["router_settings"]["fallbacks"] == wanted


def test_a_preview_says_why_a_gateway_is_not_told_of_a_fallback_that_takes_turns() -> None:
    changes = {"qwen3-8b": {"fallback": "qwen3vl-4b"}}
    assert "fallbacks" not in sections(changes)["router_settings"]
    (said,) = [note for note in with_models(changes).notes if "fallback" in note]
    assert "would unload the one and load the other" in said
