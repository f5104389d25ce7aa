"""The programs that are really run know what the plan renders for them."""

import configparser
import datetime
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from dev import tools
from plan import config, llama_server, llama_swap
from plan.plan import make_plan
from plan.server import ServerPlan
from tests.stacks import locked, raw

KEY = "k" * 40


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every long option that the built llama-server lists; mentions inside explanations do not count."""
    tools.ensure("llama")
    argv = [tools.path("llama") / "llama-server", "--help"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return {name for line in said.splitlines() if line[:1] == "-" for name in _names(line)}


def _names(line: str) -> list[str]:
    """`-a,    --alias, --also NAME   explanation` -> [--alias, --also]."""
    head = re.match(r"-[\w-]+(,\s*-[\w-]+)*", line)
    return re.findall(r"--[\w-]+", head[0]) if head else []


def server(stack: str, engine: str) -> ServerPlan:
    """What the plan decides for the committed stack, served by `engine`."""
    value = raw(stack)
    value["server"]["engine"] = engine
    return make_plan(config.parse(value), locked(), datetime.date(2026, 11, 22)).server


def options(words: list[str]) -> list[str]:
    return [word for word in words if word.startswith("--")]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_flag_of_llama_swaps_commands_is_one_the_build_lists(known: set[str], stack: str) -> None:
    rendered = yaml.safe_load(server(stack, "llama-swap").files[llama_swap.CONFIG_FILE])
    used = [option for model in rendered["models"].values() for option in options(shlex.split(model["cmd"]))]

    assert len(used) >= 10 * len(rendered["models"])
    assert [option for option in used if option not in known] == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
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


@pytest.mark.llama_swap
@pytest.mark.skipif(not shutil.which("llama-swap"), reason="needs a llama-swap binary on PATH")
def test_the_real_llama_swap_starts_with_the_production_config_and_lists_its_models(tmp_path: Path) -> None:
    plan = server("prod", "llama-swap")
    (tmp_path / llama_swap.CONFIG_FILE).write_text(plan.files[llama_swap.CONFIG_FILE])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = ["llama-swap", "-config", str(tmp_path / llama_swap.CONFIG_FILE), "-listen", f"127.0.0.1:{port}"]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/models", headers={"Authorization": f"Bearer {KEY}"})

    with subprocess.Popen(argv, env={**os.environ, llama_swap.API_KEY_ENV: KEY}, cwd=tmp_path) as process:
        try:
            listed = _json(request, process)
        finally:
            process.kill()

    assert sorted(model["id"] for model in listed["data"]) == sorted(raw("prod")["models"])


def _json(request: urllib.request.Request, process: subprocess.Popen[bytes]) -> dict[str, list[dict[str, str]]]:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
                return yaml.safe_load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"HTTP {error.code}: {error.read()!r}") from None
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"llama-swap ended with {process.returncode}")
