"""A model's `args`: what may be said reaches both engines whole, everything else is refused with what to do instead."""

import re
import shlex
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan.base.errors import ConfigError
from plan.engine import flag_policy
from plan.engine.args import options
from plan.engine.llama_server_flags import BUILD
from plan.engine.server import ServerPlan
from tests import stacks
from tests.plans import made

KNOWN = [*dict.fromkeys(option.names for option in options().values())]


def server(args: dict[str, Any], engine: str = "llama-swap") -> ServerPlan:
    value = stacks.raw("t4")
    value["server"]["engine"] = engine
    value["models"]["qwen3-8b"]["args"] = args
    return made(value).server


def words(args: dict[str, Any]) -> list[str]:
    """What llama-swap starts for the model."""
    rendered = yaml.safe_load(server(args).files["llama-swap.yaml"])
    return shlex.split(rendered["models"]["qwen3-8b"]["cmd"])


def section(args: dict[str, Any]) -> dict[str, str]:
    """The model's section as llama.cpp reads it: no quotes, no escapes, comments anywhere."""
    text = server(args, "llama-server").files["models.ini"].split("[qwen3-8b]\n")[1].split("\n\n")[0]
    rows = [re.fullmatch(r"([\w.-]+)[ \t]*=[ \t]*(.*)", line) for line in text.split("\n")]
    return {row[1]: re.split("[;#]", row[2])[0].rstrip(" \t") for row in rows if row}


def refusal(args: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        server(args)
    return str(caught.value)


def test_flags_reach_both_engines_after_our_own() -> None:
    args = {"top-k": 40, "temp": 0.2, "no-context-shift": True, "chat-template-kwargs": '{"enable_thinking": false}'}

    said = words(args)
    assert said[said.index("--chat-template-kwargs") :] == [
        *("--chat-template-kwargs", '{"enable_thinking": false}', "--no-context-shift"),
        *("--temp", "0.2", "--top-k", "40", "--port", "${PORT}"),
    ]
    written = section(args)
    assert (written["temp"], written["top-k"], written["no-context-shift"]) == ("0.2", "40", "true")
    assert written["chat-template-kwargs"] == '{"enable_thinking": false}'
    assert "--temp" not in server(args).files["llama-swap.yaml"].split("qwen3vl-4b")[1], "they are one model's alone"


@given(st.text(max_size=30) | st.integers() | st.floats())
def test_a_value_reaches_both_engines_as_it_was_written_or_not_at_all(value: object) -> None:
    args = {"grammar": value}
    try:
        said = words(args)
    except ConfigError:
        return
    assert said[said.index("--grammar") + 1] == str(value)
    assert section(args)["grammar"] == str(value)
    assert "${" not in str(value), "llama-swap would put a variable of its environment there"


@pytest.mark.parametrize("value", ["a;b", "a#b", "a\nb = c", " a", "a ", "", "${env.LLAMA_SWAP_API_KEY}", "\x00"])
def test_a_value_that_an_engine_would_misread_is_refused_by_its_key(value: str) -> None:
    assert "models.qwen3-8b.args.grammar: got" in refusal({"grammar": value})


@pytest.mark.parametrize("value", [[1], {"a": 1}, None, float("nan"), float("inf")])
def test_a_value_is_a_scalar(value: object) -> None:
    said = refusal({"temp": value})
    assert "models.qwen3-8b.args.temp" in said
    assert "a text, a number or true" in said.lower()
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"context-shift": False}, "`no-context-shift: true`"),
        ({"no-perf": "true"}, "`perf: true`"),
        ({"ignore-eos": 0}, "leave it out"),
        ({"log-colors": True}, '"on" and "off" are quoted'),
        ({"temp": 1, "temperature": 2}, "temperature means the same flag"),
        ({"perf": True, "no-perf": True}, "args: got 'perf'. no-perf means the same flag"),
    ],
)
def test_a_misused_flag_says_how_it_is_used(args: dict[str, Any], said: str) -> None:
    assert said in refusal(args)


@pytest.mark.parametrize(
    ("name", "close"),
    [("tmep", "temp"), ("top_k", "top-k"), ("--seed", "seed"), ("presence-penaly", "presence-penalty")],
)
def test_an_unknown_flag_names_the_build_and_what_is_close(name: str, close: str) -> None:
    said = refusal({name: "hunter2"})
    assert f"llama-server {BUILD} has no such flag; there is " in said
    assert close in said.split("there is ")[1]
    assert "hunter2" not in said, "a misspelt name may hide a secret"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("ctx-size", "`context` of the model"),
        ("image-max-tokens", "`server.image_max_tokens`"),
        ("alias", "`aliases`"),
        ("sleep-idle-seconds", "`ttl_s`"),
        ("mmproj no-mmproj", "`mmproj_file` of the model"),
        ("gpu-layers n-gpu-layers", "`gpu.model`"),
        ("parallel", "`parallel` of the model"),
        ("predict n-predict", "`max_output_tokens` of the model"),
        ("cache-type-k cache-type-v", "`kv_type` of the model"),
        ("ubatch-size batch-size", "`ubatch` of the model"),
        ("no-kv-offload swa-full lora spec-ngram-mod-n-max cpu-moe-draft", "no key"),
        ("model-draft spec-draft-n-max draft-min spec-type", "`draft` of the model"),
        ("cache-type-k-draft", "`kv_type` of the model"),
        ("mlock no-mmap load-mode", "SIGBUS"),
        ("cache-ram", "server.memory_limit_mib"),
        ("samplers", "`sampler-seq`"),
        ("host port", "the engine's business"),
        ("hf-repo hf-token model-url", "asks no hub"),
        ("embeddings reranking", "`mode` of the model"),
        ("pooling", "`pooling` of the model"),
        ("tools agent mcp-servers-json", "run programs"),
        ("log-file slot-save-path", "what people asked"),
    ],
)
def test_a_refused_flag_says_the_key_to_use_or_why_there_is_none(names: str, said: str) -> None:
    for name in names.split():
        assert said in refusal({name: 1}), name


def test_a_refused_secret_is_not_repeated() -> None:
    assert "hunter2" not in refusal({"api-key": "hunter2", "hf-token": "hunter2"})


def test_every_refusal_is_told_at_once() -> None:
    assert len(refusal({"ctx-size": 1, "temp": True, "nothing-like-it": 1}).splitlines()) == 3


def test_each_flag_of_the_build_was_decided_on() -> None:
    unseen = flag_policy.why_not(("a-flag-of-next-year",))
    assert "plan/engine/flag_policy.py" in unseen, "a flag that nobody has looked at is refused"
    assert [names for names in KNOWN if flag_policy.why_not(names) == unseen] == []
    assert {name for names in KNOWN for name in names} >= flag_policy.USABLE, "a misspelt name allows nothing"
    assert [names for names in KNOWN if flag_policy.USABLE & {*names} and flag_policy.why_not(names)] == []


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_no_flag_that_the_stack_renders_itself_can_be_said_twice(stack: str) -> None:
    value = stacks.raw(stack)
    own: set[str] = set()
    for engine in ("llama-swap", "llama-server"):
        value["server"]["engine"] = engine
        plan = made(value).server
        own |= {word[2:] for word in plan.arguments if word.startswith("--")}
        own |= set(re.findall(r"(?<=\s--)[\w-]+", plan.files.get("llama-swap.yaml", "")))
        own |= set(re.findall(r"^([\w-]+) =", plan.files.get("models.ini", ""), re.M)) - {"version"}
    assert {"model", "ctx-size", "host", "no-webui", "sleep-idle-seconds"} <= own
    option = {name: names for names in KNOWN for name in names}
    assert {name for name in own if not flag_policy.why_not(option[name])} == set()


@pytest.mark.parametrize(
    ("name", "short", "variable"),
    [
        ("ctx-size", {"-c": "ctx-size"}, "LLAMA_ARG_CTX_SIZE"),
        ("cpu-mask", {"-C": "cpu-mask"}, ""),
        ("kv-offload", {"-kvo": "kv-offload", "-nkvo": "no-kv-offload"}, "LLAMA_ARG_KV_OFFLOAD"),
        ("spec-draft-type-k", {"-ctkd": "cache-type-k-draft"}, "LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_K"),
        ("hf-repo", {"-hf": "hf-repo", "-hfr": "hf-repo"}, "LLAMA_ARG_HF_REPO"),
        ("seed", {"-s": "seed"}, ""),
        ("hf-token", {"-hft": "hf-token"}, "HF_TOKEN"),
    ],
)
def test_an_option_has_its_short_names_and_its_variable(name: str, short: dict[str, str], variable: str) -> None:
    option = options()[name]

    assert (dict(option.short), option.variable) == (short, variable)


def test_no_short_name_means_two_options() -> None:
    known = {id(option): option for option in options().values()}.values()
    shorts = [short for option in known for short, _ in option.short]

    assert len(shorts) == len({*shorts}) > 60
    assert all(long in option.names for option in known for _, long in option.short)
