"""`make verify`: runs `ops verify` on the endpoint of `make up`; its key goes through the environment."""

import os
import subprocess
import sys
from pathlib import Path

from dev.commands import conversation
from dev.commands.up import api_key, namespace
from dev.machine.instance import Instance
from dev.machine.steps import DevError, say
from dev.pulumi import lost_weights
from dev.pulumi.stackfile import ROOT

_KEY = "LOCAL_LLM_API_KEY"


def run(instance: Instance, cluster: str, stack: str, kubeconfig: Path) -> int:
    """Returns the exit code of `ops verify`; raises DevError where no model could answer."""
    if cluster == "engine":
        raise DevError("the pods of the played cluster only pretend: no model answers", "make verify STACK=dev")
    endpoint = f"http://127.0.0.1:{instance.ports.endpoint}"
    key = api_key(kubeconfig, namespace(stack))
    conversation.wait(endpoint, timeout_s=10.0)
    for model, lack in lost_weights.find(kubeconfig, namespace(stack)).items():
        say(f"model {model}: {lack}; `make up` fetches it again")
    argv = [sys.executable, "-m", "ops", "verify", "--url", endpoint, "--key-env", _KEY, "--stack", stack]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, _KEY: key}, check=False).returncode
