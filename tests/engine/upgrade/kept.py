"""A kept deployment, put back on a played cluster: its objects, and its state in a stack of the same name."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from dev.cluster.kubectl import kubectl
from dev.commands.up import cluster_id
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.pulumi.cli import PulumiCli
from ops.render.recorder import SECRET_SIGNATURE
from tests.engine.played import Stack
from tests.engine.upgrade.keep import OFFER

HERE = Path(__file__).parent
KEPT = sorted(HERE.glob("*/*.json"))
OBJECT = "kubernetes:"
# What the plugins call themselves in a create.
CREATOR = "pulumi-kubernetes"


def restore(machine: Instance, file: Path, checkout: Path) -> Stack:
    """Put the objects on the machine's cluster and the state into its Postgres; `checkout` gets the lock.

    The cluster has what the stack expects to find there, and nothing of it.
    """
    kept = json.loads(file.read_text())
    text = file.read_text().replace(kept["stack"]["cluster"]["id"], cluster_id(machine.kubeconfig))
    for resource in objects(kept["state"]):
        metadata = _make(machine, resource)
        text = text.replace(resource["outputs"]["metadata"]["uid"], metadata["uid"])
    kept = json.loads(text)
    (checkout / "models.lock.yaml").write_text(kept["lock"])
    cli = PulumiCli(machine, file.stem, machine.kubeconfig, postgres.environment(machine))
    stack = Stack(cli, kept["stack"], checkout)
    stack.write()
    cli.prepare()
    kept["state"]["deployment"]["secrets_providers"] = state(stack)["deployment"]["secrets_providers"]
    written = checkout / "kept-state.json"
    written.write_text(json.dumps(kept["state"]))
    imported = stack.pulumi("stack", "import", "--file", str(written))
    assert imported.returncode == 0, imported.stdout + imported.stderr
    return stack


def offer(machine: Instance) -> None:
    """Advertise GPU memory, as an administrator does by hand."""
    kubectl(machine, "patch", "node", "k8s-node1", "--subresource=status", "--type=merge", f"--patch={OFFER}")


def state(stack: Stack) -> dict[str, Any]:
    """The stack's state, with its secrets in plain words."""
    exported = stack.pulumi("stack", "export", "--show-secrets")
    assert exported.returncode == 0, exported.stdout + exported.stderr
    return json.loads(exported.stdout)


def objects(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of a state that are objects of the cluster, in the order in which they were made."""
    found = state["deployment"]["resources"]
    return [it for it in found if it["type"].startswith(OBJECT) and not it.get("external")]


def live(machine: Instance, resource: Mapping[str, Any]) -> dict[str, Any]:
    """The object of a resource, as it is now."""
    wanted = json.dumps({key: resource["outputs"][key] for key in ("apiVersion", "kind", "metadata")})
    (found,) = json.loads(kubectl(machine, "get", "-o", "json", "--show-managed-fields", "-f", "-", stdin=wanted))[
        "items"
    ]
    return found


def owned(metadata: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Which fields of an object belong to the stack: field manager, operation, fields."""
    ours = [it for it in metadata["managedFields"] if it["manager"].startswith(("pulumi", "local-llm"))]
    return sorted((it["manager"], it["operation"], json.dumps(it["fieldsV1"], sort_keys=True)) for it in ours)


def _make(machine: Instance, resource: Mapping[str, Any]) -> dict[str, Any]:
    """Send the object as the plugin did; returns its metadata."""
    manager = resource["outputs"]["__fieldManager"]
    creates = ["create", f"--field-manager={CREATOR}"]
    applies = ["apply", "--server-side", "--force-conflicts", f"--field-manager={manager}"]
    how = applies if resource["type"].endswith("Patch") else creates
    sent = json.dumps(plain(resource["inputs"]))
    return json.loads(kubectl(machine, *how, "-o", "json", "-f", "-", stdin=sent))["metadata"]


def plain(value: Any) -> Any:
    """A value of a state without the marks of secrets."""
    match value:
        case {**entries} if SECRET_SIGNATURE in entries:
            return json.loads(entries["plaintext"])
        case dict():
            return {key: plain(it) for key, it in cast("dict[str, Any]", value).items()}
        case list():
            return [plain(it) for it in cast("list[Any]", value)]
        case _:
            return value
