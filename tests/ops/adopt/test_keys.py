"""Where a key of a llama-swap model goes, and what becomes of its id and names."""

from typing import Any

import pytest

from tests.ops.adopt.adopted import adopted
from tests.ops.adopt.test_flags import FILE, draft


def test_ids_that_clients_may_not_ask_for_are_written_otherwise_and_say_so() -> None:
    command = {"cmd": f"llama-server {FILE}"}
    found = adopted({"models": {"GPT-OSS 20B (Vulkan)": command, "a/b:c.1": command, "é": command, "x" * 200: command}})

    first, second, long = found.drafts
    assert first.model_id == "GPT-OSS-20B-Vulkan"
    assert first.remarks["id"] == "asked for as 'GPT-OSS 20B (Vulkan)' there"
    assert (second.model_id, second.remarks.get("id")) == ("a/b:c.1", None)
    assert len(long.model_id) == 128
    assert "an id like 'é' is none here" in found.refused["é"]


def test_a_name_has_one_meaning_among_all_models_and_those_of_the_stack() -> None:
    def model(*aliases: str) -> dict[str, Any]:
        return {"cmd": f"llama-server {FILE}", "aliases": [*aliases]}

    models = {
        "a": model("b", "mine", "c"),
        "b": model("c", "d", "other"),
        "e f": model(),
        "e-f": model(),
        "taken": model(),
    }
    found = adopted(
        {"models": models}, taken={"mine": "a model's id", "taken": "an alias of mine", "other": "an alias of mine"}
    )

    assert {draft.model_id: draft.keys.get("aliases") for draft in found.drafts} == {
        "a": ["c"],
        "b": ["d"],
        "e-f": None,
    }
    assert found.refused == {
        "e-f": "its id would be e-f, which is a model's id already",
        "taken": "its id would be taken, which is an alias of mine already",
    }
    a, b = found.drafts[:2]
    assert [line for line in a.left if line.startswith("alias")] == [
        "alias b: It is a model's id already",
        "alias mine: It is a model's id already",
    ]
    assert "alias c: It is an alias of a already" in b.left


@pytest.mark.parametrize(
    ("keys", "written", "said"),
    [
        ({"name": "N", "description": "two\nlines"}, {"display_name": "N", "description": "two lines"}, ""),
        ({"name": "n" * 200}, {"display_name": "n" * 128}, "display_name"),
        ({"description": "has ${X}"}, {"description": None}, "a macro of llama-swap"),
        ({"ttl": 90}, {"ttl_s": 90}, ""),
        ({"ttl": 0}, {"ttl_s": None}, ""),
        ({"ttl": "soon"}, {"ttl_s": None}, "ttl 'soon': It is a whole number of seconds"),
        ({"aliases": "one"}, {"aliases": None}, "aliases 'one': It is a list of texts"),
        ({"aliases": ["one two", "x", "ok"]}, {"aliases": ["ok"]}, "aliases 'one two': A model's name has letters"),
        ({"env": ["A=b", "CUDA_VISIBLE_DEVICES=0", "PLAIN"]}, {"env": {"A": "b"}}, "env PLAIN: It has no value"),
        ({"env": ["HF_TOKEN=abc"]}, {"env": None}, "env HF_TOKEN: Whoever reads the stack file"),
        ({"env": ["9=b"]}, {"env": None}, "env 9: "),
        ({"env": ["LD_LIBRARY_PATH=/x"]}, {"env": None}, "env LD_LIBRARY_PATH: Set it in `server.env`"),
        ({"env": "A=b"}, {"env": None}, "env: It is a list of texts"),
        ({"filters": {"setParams": {"temperature": 0.2}}}, {"args": {"temp": 0.2}}, ""),
        ({"filters": {"setParams": {"max_tokens": 64}}}, {"max_output_tokens": 64}, ""),
        ({"filters": {"setParams": {"max_tokens": 9999}}}, {"max_output_tokens": None}, "setParams max_tokens: 9999"),
        ({"filters": {"setParams": {"stop": ["a"]}}}, {"args": None}, "setParams stop: ['a']"),
        ({"filters": {"strip_params": "top_k"}}, {}, "strip_params: 'top_k': No parameter"),
        (
            {"filters": {"setParamsByID": {"${MODEL_ID}:b": {"a": 1}}}},
            {"aliases": ["x:b"]},
            "setParamsByID x:b: {'a': 1}",
        ),
        ({"filters": {"setParamsByID": {"b": {"top_k": 5}}}}, {"variants": {"b": {"top_k": 5}}}, ""),
        (
            {"filters": {"setParamsByID": {"b": {"chat_template_kwargs": {"enable_thinking": False, "x": 1}}}}},
            {"variants": {"b": {"reasoning": "off"}}},
            "setParamsByID b: {'chat_template_kwargs.x': 1}: A variant has no key for it",
        ),
        (
            {"filters": {"setParamsByID": {"b": {"chat_template_kwargs": {"enable_thinking": True}}}}},
            {"variants": {"b": {"reasoning": "on"}}, "args": {"reasoning-budget": 128}},
            "",
        ),
        (
            {"filters": {"setParamsByID": {"b": {"reasoning_effort": "none"}}}},
            {"variants": {"b": {"reasoning": "off"}}},
            "",
        ),
        (
            {"filters": {"setParamsByID": {"b": {"temperature": 9}}}},
            {"variants": None},
            "setParamsByID b: {'temperature': 9}",
        ),
        ({"filters": {"setParamsByID": {"a b": {"top_k": 5}}}}, {"variants": None}, "setParamsByID a b: {'top_k': 5}"),
        (
            {"filters": {"setParamsByID": {"b": {"api_key": "abc"}}}},
            {"aliases": ["b"]},
            "setParamsByID b: {'api_key': '***'}",
        ),
        ({"filters": {"setParamsByID": {"b": 3}}}, {"variants": None}, "setParamsByID b: 3: It is a mapping"),
        ({"filters": {"setParamsByID": {"${MODEL_ID}": {"top_k": 5}}}}, {"args": {"top-k": 5}}, ""),
        ({"filters": {"odd": 1}}, {}, "filters.odd: llama-swap v250 has no such key"),
        ({"capabilities": {"tools": False, "context": 9000}}, {"tools": False, "context": 9000}, ""),
        ({"unlisted": True}, {"listed": False}, ""),
        ({"unlisted": False}, {"listed": None}, ""),
        ({"unlisted": "maybe"}, {"listed": None}, "unlisted: 'maybe': It is true or false"),
        ({"concurrencyLimit": 3}, {"concurrency": 3}, ""),
        ({"concurrencyLimit": 0}, {"concurrency": None}, ""),
        ({"concurrencyLimit": "x"}, {"concurrency": None}, "concurrency 'x'"),
        ({"recommended_use": "x"}, {}, "recommended_use: llama-swap v250 has no such key"),
        ({"metadata": {"api_key": "abc"}}, {}, "metadata: {'api_key': '***'}"),
    ],
)
def test_a_key_of_a_model_has_its_own_or_a_line(keys: dict[str, Any], written: dict[str, Any], said: str) -> None:
    found = draft("-c 512" if "capabilities" not in keys else "", **keys)

    assert {key: found.keys.get(key) for key in written} == written
    assert any(said in line for line in found.left) or not said
    assert not any("abc" in line for line in found.left)
