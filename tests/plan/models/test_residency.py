"""Who takes turns with whom, what stays loaded, and that an engine which cannot do it is refused."""

from typing import Any

import pytest
import yaml

from plan.base.errors import ConfigError
from plan.engine import llama_swap_schema
from tests import stacks
from tests.plans import with_models


def swap(changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    text = with_models(changes).server.files["llama-swap.yaml"]
    assert llama_swap_schema.Config.model_validate(yaml.safe_load(text))
    return yaml.safe_load(text)


def test_models_of_one_group_are_left_to_what_the_engine_does_anyway() -> None:
    assert "groups" not in swap({})
    assert "groups" not in swap({key: {"swap_group": "other"} for key in stacks.raw("t4")["models"]})


def test_a_load_in_one_group_unloads_no_other() -> None:
    groups = swap({"qwen3vl-8b": {"swap_group": "vision"}, "qwen3vl-4b": {"swap_group": "vision"}})["groups"]
    assert groups["vision"] == {"members": ["qwen3vl-4b", "qwen3vl-8b"], "swap": True, "exclusive": False}
    assert groups["gpu0"] == {"members": ["minicpm-v-4-5", "qwen3-8b"], "swap": True, "exclusive": False}


def test_a_resident_model_is_loaded_at_the_start_and_nothing_unloads_it() -> None:
    written = swap({"qwen3-8b": {"resident": True}})
    assert written["groups"]["resident"] == {
        "members": ["qwen3-8b"],
        "swap": False,
        "exclusive": False,
        "persistent": True,
    }
    assert "qwen3-8b" not in written["groups"]["gpu0"]["members"], "a model is in one group only"
    assert {model_id: entry["ttl"] for model_id, entry in written["models"].items() if not entry["ttl"]} == {
        "qwen3-8b": 0
    }, "to llama-swap 0 is never"
    assert written["hooks"] == {"on_startup": {"preload": ["qwen3-8b"]}}


def test_the_contract_tells_groups_and_residents() -> None:
    contract = with_models({"qwen3-8b": {"resident": True}, "qwen3vl-8b": {"swap_group": "vision"}}).contract
    told = {model["id"]: (model["swapGroup"], model["resident"]) for model in contract["models"]}
    assert told["qwen3-8b"] == ("resident", True)
    assert told["qwen3vl-8b"] == ("vision", False)
    assert told["qwen3vl-4b"] == ("gpu0", False)


@pytest.mark.parametrize(
    ("keys", "engine", "said"),
    [
        ({"resident": True}, "llama-server", r"resident: got True. llama.cpp's router keeps no model loaded"),
        ({"swap_group": "a"}, "llama-server", r"swap_group: got .* has one group, here are a, gpu0"),
        ({"resident": True, "ttl_s": 60}, "llama-swap", r"ttl_s: got 60. A resident model is never unloaded"),
        ({"resident": True, "swap_group": "a"}, "llama-swap", r"swap_group: got 'a'. A resident model takes turns"),
        ({"swap_group": "resident"}, "llama-swap", r"swap_group: got 'resident'. Write `resident: true`"),
    ],
)
def test_what_an_engine_cannot_do_or_nobody_can_mean_is_refused(keys: dict[str, Any], engine: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"models\.qwen3.*{said}"):
        with_models({"qwen3-8b": keys}, engine)


def test_the_router_serves_one_group_whatever_its_name() -> None:
    assert with_models({key: {"swap_group": "a"} for key in stacks.raw("t4")["models"]}, "llama-server")
