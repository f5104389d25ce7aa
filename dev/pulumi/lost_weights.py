"""Models whose files are gone from the volume though their server runs: the gate is asked once more, in its pod.

Only a pod that mounts the volume sees it, and only one with Python can look: the sidecar that reads weights ahead.
Where the stack has none, or nobody may exec into it, only a request that fails tells.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dev.cluster import kubectl
from dev.machine.steps import DevError, say
from dev.tools import tools
from plan.base import names
from plan.text.errors import Source, TextError
from plan.text.model import read_model
from plan.text.show import words
from plan.weights.volume import MOUNT

_ANSWER_S = 20  # with no model whole the gate would go on waiting
Object = dict[str, Any]


class _Line(BaseModel):
    missing: list[str] = []


def find(kubeconfig: Path, namespace: str) -> dict[str, str]:
    """Model id -> what it lacks, of the server in `namespace`; {} where nobody can look."""
    metadata = {"name": names.SERVER, "namespace": namespace}
    try:
        live = kubectl.live(kubeconfig, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    except DevError:
        return {}
    return _ask(kubeconfig, live) if live and "readyReplicas" in live.get("status", {}) else {}


def lost(printed: str) -> dict[str, str]:
    """What the gate says is missing, by model, from its lines; one that is cut off or of another form says nothing."""
    found: dict[str, str] = {}
    for line in printed.splitlines():
        try:
            lacks = read_model(line, Source("the gate", ""), _Line).missing
        except TextError:
            continue
        for lack in lacks:
            if place := re.match(rf"{MOUNT}/([^/]+)/", lack):
                found[place[1]] = words(lack)
    return found


def _ask(kubeconfig: Path, server: Object) -> dict[str, str]:
    containers: list[Object] = server["spec"]["template"]["spec"].get("initContainers") or []
    named = {str(it["name"]): it for it in containers}
    if names.WARM not in named or names.GATE not in named:
        return {}
    gate, where = named[names.GATE], server["metadata"]["namespace"]
    argv = [tools.path("kubectl") / "kubectl", "--kubeconfig", kubeconfig, "exec", f"deployment/{names.SERVER}"]
    argv += ["-n", where, "-c", names.WARM, "--", *gate["command"], *gate["args"]]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_ANSWER_S)
    except subprocess.TimeoutExpired as slow:
        return lost((slow.stdout or b"").decode(errors="replace"))
    if done.returncode:
        say(f"whether files of models are gone from the volume is not known: {words(done.stderr) or 'no answer'}")
    return lost(done.stdout)
