"""One stack on the played cluster, with the real CLI: how a test runs it and looks at it."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.cluster import cluster
from dev.cluster.kubectl import apply, kubectl
from dev.cluster.played import stand_ins
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import ROOT, rendered
from plan import config
from tests import stacks

# Two clones may run their tests at once: each names its own. Of one clone each worker has its own.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "0")
INSTANCE = Instance(f"{(os.environ.get('LOCAL_LLM_TEST_INSTANCE') or 'test-engine')[:11]}-{_WORKER}")
IMMICH = "immich-machine-learning"
AGAIN = "run `pulumi up` again"


def image(name: str) -> str:
    return f"llm.local/{name}@sha256:{'a' * 64}"


@dataclass
class Stack:
    """One stack on the played cluster; `raw` is its configuration, written before every run of `checkout`'s program."""

    cli: PulumiCli
    raw: dict[str, Any]
    checkout: Path = ROOT

    @property
    def namespace(self) -> str:
        return self.raw["namespace"]

    def write(self) -> None:
        path = rendered(INSTANCE, self.cli.stack)
        known = yaml.safe_load(path.read_text()) if path.exists() else {}
        salt = {"encryptionsalt": known["encryptionsalt"]} if "encryptionsalt" in known else {}
        content = {"config": {"pulumi:disable-default-providers": ["kubernetes"], config.KEY: self.raw}}
        path.write_text(yaml.safe_dump({**content, **salt}))

    def pulumi(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI as a person would; never raises."""
        self.write()
        return subprocess.run(
            self.cli.argv(*arguments, "--non-interactive"),
            cwd=self.checkout,
            env={**os.environ, **self.cli.environment(), **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def up(self) -> str:
        result = self.pulumi("up", "--yes", "--skip-preview")
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def steps(self, *flags: str, **env: str) -> dict[str, str]:
        """What a preview would do: resource name -> operation, unchanged ones left out."""
        result = self.pulumi("preview", "--json", *flags, **env)
        assert result.returncode == 0, result.stdout + result.stderr
        steps = json.loads(result.stdout)["steps"]
        return {
            step["urn"].rsplit("::", 1)[-1]: step["op"]
            for step in steps
            if step["op"] not in {"same", "read", "refresh"}
        }

    def unchanged(self, *flags: str, **env: str) -> bool:
        """Whether a preview finds nothing to do; what it found is in the test's output otherwise."""
        result = self.pulumi("preview", "--diff", "--expect-no-changes", *flags, **env)
        print(result.stdout, result.stderr)
        return result.returncode == 0

    def elsewhere(self, directory: Path) -> dict[str, str]:
        """The environment of another machine: its kubeconfig lies elsewhere and defaults to another namespace."""
        file = directory / "kubeconfig"
        file.write_text(self.cli.kubeconfig.read_text())
        kubectl(INSTANCE, "--kubeconfig", str(file), "config", "set-context", "--current", "--namespace=elsewhere")
        return {"KUBECONFIG": str(file), "HOME": str(directory)}

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        return json.loads(kubectl(INSTANCE, "get", kind, name, "-n", namespace or self.namespace, "-o", "json"))


def new_stack(machine: Instance, name: str) -> Stack:
    """The stack cpu under a name of its own, with the tenant's Deployment beside it."""
    namespaces = (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        for namespace in (name, f"{name}-immich")
    )
    apply(machine, stand_ins.DRIVER, *namespaces)
    apply(machine, immich(f"{name}-immich"), manager="immich-owner")
    uid = kubectl(machine, "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    raw = stacks.raw("cpu")
    raw["cluster"]["id"], raw["fetch"]["endpoint"] = uid, "http://hub.invalid"
    raw["namespace"], raw["immich"]["namespace"] = name, f"{name}-immich"
    # As an operator's cluster has it: the node with the card keeps others off, and the models lie on neither node.
    raw["gpu"]["node"] = {"selector": cluster.nodes.GPU_LABEL, "tolerations": [cluster.nodes.TAINT]}
    raw["volume"] = {"name": "llamacpp-models", "size_gib": 5, "nfs": {"server": "192.0.2.1", "path": "/srv"}}
    made = Stack(PulumiCli(machine, name, machine.kubeconfig, postgres.environment(machine)), raw)
    made.write()
    made.cli.prepare()
    return made


def remove(machine: Instance, name: str) -> None:
    for namespace in (name, f"{name}-immich"):
        kubectl(machine, "delete", "namespace", namespace, "--wait=false")


def immich(namespace: str) -> dict[str, Any]:
    """The tenant's Deployment as its owner applies it, with the TTL of the outage."""
    container = {
        "name": IMMICH,
        "image": image("immich"),
        "env": [{"name": "TZ", "value": "UTC"}, {"name": "MACHINE_LEARNING_MODEL_TTL", "value": "0"}],
    }
    labels = {"app": IMMICH}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": IMMICH, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def up(stack: Stack) -> subprocess.CompletedProcess[str]:
    return stack.pulumi("up", "--yes", "--skip-preview")


def pods(stack: Stack, labels: str) -> list[str]:
    return kubectl(
        INSTANCE, "get", "pods", "-n", stack.namespace, "-l", labels, "-o", "jsonpath={.items[*].metadata.name}"
    ).split()


def told_of(failed: subprocess.CompletedProcess[str], resource: str) -> str:
    """What the CLI's summary says about one resource of an `up` that must have failed."""
    assert failed.returncode != 0, "it should have failed"
    assert "Traceback" not in failed.stdout + failed.stderr
    summary = failed.stdout.partition("Diagnostics:")[2]
    assert f"({resource})" in summary, failed.stdout + failed.stderr
    return re.split(r"\n  \S", summary.partition(f"({resource})")[2])[0]
