"""The programs that are really run know what the plan renders for them."""

import configparser
import os
import shlex
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.generate import flags
from dev.tools import tools
from plan.engine import llama_server, llama_server_flags, llama_swap
from plan.engine.server import ServerPlan
from tests.plans import made
from tests.stacks import ROOT, raw

KEY = "k" * 40


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every long option that the built llama-server lists; mentions inside explanations do not count."""
    tools.ensure("llama")
    return {f"--{name}" for option in flags.listed() for name in option.names}


def server(stack: str, engine: str, args: dict[str, Any] | None = None) -> ServerPlan:
    """What the plan decides for the stack, served by `engine`, with these models' `args`."""
    value = raw(stack)
    value["server"]["engine"] = engine
    for model_id, said in (args or {}).items():
        value["models"][model_id]["args"] = said
    return made(value).server


def options(words: list[str]) -> list[str]:
    return [word for word in words if word.startswith("--")]


def test_the_committed_list_is_what_the_build_prints(known: set[str]) -> None:
    if (build := flags.build()) != llama_server_flags.BUILD:
        pytest.skip(f"an installed llama-server {build} is used, the list is of {llama_server_flags.BUILD}")
    assert known
    assert (ROOT / flags.MODULE).read_text() == flags.module(), "run `make flags`, and decide on what is new"


def test_a_head_is_told_from_its_explanation() -> None:
    said = (
        "----- common params -----\n\n"
        "-t,    --threads N                      number, see --threads-batch\n"
        "-kvo,  --kv-offload, -nkvo, --no-kv-offload\n"
        "                                        whether --this is one\n"
        "                                        (env: LLAMA_ARG_KV_OFFLOAD)\n"
        "-x                                      has no long name\n"
        "-fitt, --fit-target MiB0,MiB1,MiB2,...\n"
        "--fim-1.5b-default                      use it\n"
        "--control-vector-scaled FNAME:SCALE,...\n"
    )
    assert [option.row for option in flags.options(said)] == [
        "-t threads =",
        "-kvo kv-offload -nkvo no-kv-offload LLAMA_ARG_KV_OFFLOAD",
        "-fitt fit-target =",
        "fim-1.5b-default",
        "control-vector-scaled =",
    ]


@pytest.mark.parametrize("stack", ["cpu", "t4"])
def test_every_flag_of_llama_swaps_commands_is_one_the_build_lists(known: set[str], stack: str) -> None:
    rendered = yaml.safe_load(server(stack, "llama-swap").files[llama_swap.CONFIG_FILE])
    used = [option for model in rendered["models"].values() for option in options(shlex.split(model["cmd"]))]

    assert len(used) >= 10 * len(rendered["models"])
    assert [option for option in used if option not in known] == []


@pytest.mark.parametrize("stack", ["cpu", "t4"])
def test_every_flag_of_the_routers_preset_and_arguments_is_one_the_build_lists(known: set[str], stack: str) -> None:
    plan = server(stack, "llama-server")
    preset = configparser.ConfigParser()
    preset.read_string("[DEFAULT]\n" + plan.files[llama_server.CONFIG_FILE])
    used = {f"--{key}" for section in preset.sections() for key in preset[section]} - {"--version"}
    given = options(list(plan.arguments))

    assert len(used) >= 10
    assert "--models-preset" in given
    assert [option for option in (*used, *given) if option not in known] == []


def test_a_flag_the_build_does_not_know_would_be_noticed(known: set[str]) -> None:
    assert {"--flash-attn", "--n-gpu-layers", "--no-webui", "--port"} <= known
    assert not {"--flash-atn", "--no-mmap-ever", "--unless"} & known


def test_the_router_reads_a_models_args_as_they_were_written(tmp_path: Path, known: set[str]) -> None:
    args = {"grammar": "root ::= \"a b\" 'c' [x] \\n = $x {y} %z", "seed": -1, "top-p": 0.2, "no-perf": True}
    assert {f"--{name}" for name in args} <= known
    plan = server("t4", "llama-server", {"qwen3-8b": args})
    (tmp_path / llama_server.CONFIG_FILE).write_text(plan.files[llama_server.CONFIG_FILE])
    argv = [tools.path("llama") / "llama-server", *("--models-preset", tmp_path / llama_server.CONFIG_FILE)]

    listed = listing(tmp_path, argv, {llama_server.API_KEY_ENV: KEY}, "--port", "{port}")

    (given,) = (model["status"]["args"] for model in listed if model["id"] == "qwen3-8b")
    assert "--no-perf" in given
    for name, value in args.items():
        assert value is True or given[given.index(f"--{name}") + 1] == str(value)


@pytest.mark.llama_swap
@pytest.mark.skipif(not shutil.which("llama-swap"), reason="needs a llama-swap binary on PATH")
def test_the_real_llama_swap_starts_with_a_whole_config_and_lists_its_models(tmp_path: Path) -> None:
    plan = server("t4", "llama-swap")
    (tmp_path / llama_swap.CONFIG_FILE).write_text(plan.files[llama_swap.CONFIG_FILE])
    argv = ["llama-swap", "-config", tmp_path / llama_swap.CONFIG_FILE]

    listed = listing(tmp_path, argv, {llama_swap.API_KEY_ENV: KEY}, "-listen", "127.0.0.1:{port}")

    assert sorted(model["id"] for model in listed) == sorted(raw("t4")["models"])


def listing(cwd: Path, argv: list[str | Path], env: dict[str, str], *listen: str) -> list[dict[str, Any]]:
    """What a started server answers at /v1/models; it is told the port by `listen`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/models", headers={"Authorization": f"Bearer {KEY}"})
    words = [*map(str, argv), *(word.format(port=port) for word in listen)]
    with subprocess.Popen(words, env={**os.environ, **env}, cwd=cwd, stderr=subprocess.DEVNULL) as process:
        try:
            return _json(request, process)["data"]
        finally:
            process.kill()


def _json(request: urllib.request.Request, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
                return yaml.safe_load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"HTTP {error.code}: {error.read()!r}") from None
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"it ended with {process.returncode}")
