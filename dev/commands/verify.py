"""`make verify`: `ops verify` of the endpoint that `make up` left, with its key, which no argument shows."""

import os
import subprocess
import sys
from pathlib import Path

from dev.commands import chat
from dev.commands.up import api_key, namespace
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi.stackfile import ROOT

_KEY = "LOCAL_LLM_API_KEY"


def run(instance: Instance, cluster: str, stack: str, kubeconfig: Path) -> int:
    """Returns its exit code; raises DevError where there is nothing to ask."""
    if cluster == "engine":
        raise DevError("the pods of the engine tier are played: no model answers", "make verify STACK=dev")
    endpoint = f"http://127.0.0.1:{instance.ports.endpoint}"
    key = api_key(kubeconfig, namespace(stack))
    chat.wait(endpoint, timeout_s=10.0)
    argv = [sys.executable, "-m", "ops", "verify", "--url", endpoint, "--key-env", _KEY, "--stack", stack]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, _KEY: key}, check=False).returncode
