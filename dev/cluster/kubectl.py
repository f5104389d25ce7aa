"""kubectl from the host: as the embedded cluster's admin through the forwarded API server, or with any kubeconfig."""

import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.tools import tools


def run(kubeconfig: Path, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl and return its output; raises DevError with what it said."""
    argv = [tools.path("kubectl") / "kubectl", "--kubeconfig", kubeconfig, *arguments]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        shown, said = " ".join(arguments[:4]), done.stderr.strip() or done.stdout.strip()
        raise DevError(
            f"kubectl {shown} failed: {said}",
            f"check the cluster and your rights: {shlex.join([*map(str, argv[:3]), 'auth', 'can-i', '--list'])}",
        )
    return done.stdout


def kubectl(instance: Instance, *arguments: str, stdin: str | None = None) -> str:
    """`run` on the embedded cluster."""
    return run(instance.kubeconfig, *arguments, stdin=stdin)


def apply(instance: Instance, *objects: Mapping[str, Any], manager: str = "local-llm", status: bool = False) -> None:
    """Server-side apply of `objects` (or of their status) as field manager `manager`. Raises DevError."""
    of_status = ["--subresource=status"] if status else []
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    argv = ["apply", "--server-side", f"--field-manager={manager}", "--force-conflicts", *of_status, "--filename=-"]
    kubectl(instance, *argv, stdin=document)


def find(instance: Instance, kind: str, name: str, namespace: str = "default") -> dict[str, Any] | None:
    """The object, or None when there is none."""
    found = kubectl(instance, "get", kind, name, "--namespace", namespace, "--ignore-not-found", "--output=json")
    return json.loads(found) if found else None


def live(kubeconfig: Path, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """The live object with `wanted`'s apiVersion, kind, namespace and name, or None when there is none."""
    metadata = {key: wanted["metadata"][key] for key in ("name", "namespace") if key in wanted["metadata"]}
    identity = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": metadata}
    found = run(kubeconfig, "get", "-f", "-", "--ignore-not-found", "-o", "json", stdin=json.dumps(identity))
    items: list[dict[str, Any]] = (
        json.loads(found)["items"] if found else []
    )  # a list even of one, since one may be missing
    return items[0] if items else None
