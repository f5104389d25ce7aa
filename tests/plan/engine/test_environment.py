"""`env` of the server and of a model: what a container gets, and what has a better place."""

from typing import Any

import pytest
import yaml

from plan.base.errors import ConfigError
from plan.plan import Plan
from tests import stacks
from tests.plans import expanded, made


def planned(server: dict[str, Any] | None = None, model: dict[str, Any] | None = None, stack: str = "t4") -> Plan:
    raw = stacks.raw(stack)
    raw["server"]["env"] = server or {}
    raw["models"][min(raw["models"])]["env"] = model or {}
    return made(raw)


def refused(server: dict[str, Any] | None = None, model: dict[str, Any] | None = None, stack: str = "t4") -> str:
    with pytest.raises(ConfigError) as caught:
        planned(server, model, stack)
    return str(caught.value)


def test_server_and_preflight_have_the_same_variables_and_the_stacks_own_stay() -> None:
    plan, plain = planned({"GGML_CUDA_GRAPH_OPT": "1", "http_proxy": ""}).server, planned().server

    assert plan.env == {"GGML_CUDA_GRAPH_OPT": "1", "http_proxy": "", **plain.env}
    assert plan.env.items() <= plan.preflight.env.items()


@pytest.mark.parametrize("text", ["$(HF_TOKEN)", "$$", "a $(B) c", "$", "$(", "é ü", "'\"", "{}: #"])
def test_a_value_reaches_the_container_as_it_was_written(text: str) -> None:
    variables = {"HF_TOKEN": "secret", "B": "secret"}

    assert expanded(planned({"X": text}).server.env["X"], variables) == text


def test_a_models_variables_are_its_process_own() -> None:
    plan = planned(model={"GGML_CUDA_FORCE_MMQ": "1", "A": "b=c"})

    entries = yaml.safe_load(plan.server.files["llama-swap.yaml"])["models"]
    first, *others = sorted(entries)
    assert entries[first]["env"] == ["A=b=c", "GGML_CUDA_FORCE_MMQ=1"]
    assert not any("env" in entries[other] for other in others)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("LLAMA_ARG_CTX_SIZE", "its `args`"),
        ("LLAMA_ARG_ANYTHING_NEW", "its `args`"),
        ("LLAMA_SERVER_ROUTER_PORT", "its own router"),
        ("GGML_BACKEND_PATH", "runs a library"),
        ("GGML_VK_VISIBLE_DEVICES", "`gpu.slice`"),
        ("NVIDIA_MIG_CONFIG_DEVICES", "`gpu.slice`"),
        ("FOO_PASS", "called like one"),
        ("LLAMA_API_KEY", "a Secret that the stack makes"),
        ("LLAMA_SWAP_API_KEY", "a Secret that the stack makes"),
        ("CUDA_VISIBLE_DEVICES", "`gpu.slice`"),
        ("NVIDIA_VISIBLE_DEVICES", "`gpu.slice`"),
        ("GGML_CUDA_ENABLE_UNIFIED_MEMORY", "than is planned"),
        ("HOME", "the pod's own"),
        ("LD_PRELOAD", "runs a library"),
        ("HF_TOKEN", "a secret has no place there"),
        ("AWS_SECRET_ACCESS_KEY", "a secret has no place there"),
        ("MY_PASSWORD", "a secret has no place there"),
    ],
)
@pytest.mark.parametrize("where", ["server", "model"])
def test_what_has_a_better_place_is_refused_without_its_value(where: str, name: str, said: str) -> None:
    told = refused(**{where: {name: "hunter2"}})

    assert said.lower() in told.lower()
    assert name in told
    assert "hunter2" not in told


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=B", "A B", "A\n", "Ä", "$(A)", "A" * 129])
def test_a_variable_has_a_name_that_every_shell_takes(name: str) -> None:
    assert "server.env" in refused({name: "x"})


@pytest.mark.parametrize(
    "value", ["a\nb", "a\0b", "${env.LLAMA_SWAP_API_KEY}", "a ${b", " a", "x" * 4097, 1, True, None]
)
def test_a_value_is_one_line_of_text_and_no_macro_of_llama_swap(value: Any) -> None:
    assert "server.env.X" in refused({"X": value})
    assert "env.X" in refused(model={"X": value})


def test_llama_cpps_router_has_none_for_one_model() -> None:
    assert "use `server.env`" in refused(model={"A": "b"}, stack="cpu")
    assert planned({"A": "b"}, stack="cpu").server.env["A"] == "b"


@pytest.mark.parametrize("value", ["http://u:hunter2@proxy:3128", "hf_abcdefghijklmnopqrstuvwxyz"])
def test_a_value_that_looks_like_a_secret_is_refused_and_not_shown(value: str) -> None:
    told = refused({"HTTPS_PROXY": value})

    assert "a secret has no place there" in told
    assert value not in told


@pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "NVIDIA_DRIVER_CAPABILITIES", "GGML_CUDA_FORCE_MMQ", "TZ"])
def test_what_only_sounds_alike_is_taken(name: str) -> None:
    assert planned({name: "x"}).server.env[name] == "x"


@pytest.mark.parametrize("name", ["PATH", "LD_LIBRARY_PATH"])
def test_where_programs_lie_is_tried_by_the_preflight_or_refused(name: str) -> None:
    assert "`server.env`: the preflight tries that" in refused(model={name: "/x"})
    assert planned({name: "/x"}).server.preflight.env[name] == "/x"
