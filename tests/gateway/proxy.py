"""The real LiteLLM proxy as a process on loopback: no database, nothing asked of the internet."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import yaml

from dev.tools import tools

MASTER_KEY = "sk-the-key-of-the-gateway-itself"
_START = "from litellm import run_server; run_server()"
_OPTIONS = ("--config", "own.yaml", "--host", "127.0.0.1", "--telemetry", "False")
_START_S = 300  # it takes 15 to 40 s on two cores; this bounds a hang, nothing else


@dataclass(frozen=True, slots=True)
class Proxy:
    url: str
    client: openai.OpenAI
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def get(self, path: str) -> Any:
        return json.loads(_asked(self.url + path))

    def post(self, path: str, body: object) -> Any:
        return json.loads(_asked(self.url + path, json.dumps(body).encode()))


@contextmanager
def running(directory: Path, own: dict[str, Any], key: str) -> Iterator[Proxy]:
    """The proxy with `own` as its file; what `own` includes lies in `directory`. `key` is the upstream's."""
    (directory / "own.yaml").write_text(yaml.safe_dump(own))
    port, log_file = _free_port(), directory / "proxy.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [tools.path("litellm") / "bin/python", "-I", "-c", _START, *_OPTIONS, "--port", str(port)],
            cwd=directory,
            env=_environment(directory, key),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, url, log_file)
        with openai.OpenAI(base_url=f"{url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=300) as client:
            yield Proxy(url, client, log_file)
    finally:
        process.kill()
        process.wait()


def _environment(home: Path, key: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LLAMA_SWAP_API_KEY": key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "DEBUG",
        "NO_PROXY": "*",
    }


def _wait(process: subprocess.Popen[bytes], url: str, log_file: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not _ready(url):
        tail = "\n".join(log_file.read_text(errors="replace").splitlines()[-20:])
        assert process.poll() is None, f"LiteLLM exited {process.returncode}:\n{tail}"
        assert time.monotonic() < deadline, f"LiteLLM is not ready after {_START_S} s:\n{tail}"
        time.sleep(0.2)


def _ready(url: str) -> bool:
    try:
        return bool(_asked(f"{url}/health/readiness"))
    except OSError:
        return False


def _asked(url: str, body: bytes | None = None) -> bytes:
    headers = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 - loopback
            return answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(f"{url} answered {error.code}: {error.read()!r}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
