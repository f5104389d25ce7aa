"""llama.cpp's own router as a process, as the stack cpu configures it, on real weights."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.tools import tools
from plan.engine import llama_server
from plan.engine.flags import CONFIG_DIR
from plan.engine.server import ServerPlan
from tests import stacks
from tests.plans import planned


@contextmanager
def router(directory: Path, weights: dict[str, Path], key: str, **keys: Any) -> Iterator[str]:
    """The server of the stack cpu as a process, with more `keys` at each model; its URL."""
    models = stacks.raw("cpu")["models"]
    plan = planned("cpu", models={model_id: {**model, **keys} for model_id, model in models.items()}).server
    with running(directory, plan, weights, key) as url:
        yield url


@contextmanager
def running(directory: Path, plan: ServerPlan, weights: dict[str, Path], key: str) -> Iterator[str]:
    """llama.cpp's router as the plan has it, with these weights by model's directory; its URL."""
    preset = plan.files[llama_server.CONFIG_FILE]
    for model_id, file in weights.items():
        (line,) = (line for line in preset.splitlines() if line.startswith(f"model = /models/{model_id}/"))
        preset = preset.replace(line, f"model = {file}")
    (directory / llama_server.CONFIG_FILE).write_text(preset)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [word.replace(CONFIG_DIR, str(directory)) for word in llama_server.arguments(CONFIG_DIR, port, "127.0.0.1")]
    env = {**os.environ, "LLAMA_ARG_LOAD_MODE": plan.env["LLAMA_ARG_LOAD_MODE"], plan.api_key_env: key}
    env["LLAMA_ARG_THREADS"] = "1"  # beside other tests more of them wait for each other, ten times as long
    with (directory / "log").open("wb") as log:
        argv = [tools.path("llama") / "llama-server", *words]
        process = subprocess.Popen(argv, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        until_healthy(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()  # it ends its children
        process.wait()


def until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=30):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"it ended with {process.returncode}")
