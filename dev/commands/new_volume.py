"""`make new-volume`: forgets the stack's PersistentVolume and claim; the next `up` makes those of the stack file.

The files stay where they are. What mounts the claim is deleted too: that keeps it from going, and a Job that has filled
the old volume must look at the new one.
"""

import json
from typing import Any, cast

from dev.cluster import kubectl
from dev.commands import preview
from dev.machine.instance import Instance
from dev.machine.steps import DevError, say
from dev.pulumi import mend
from dev.pulumi.cli import PulumiCli
from plan.live.objects import drift

_GONE_S = 300  # a server that ends its requests first needs the most
_VOLUME, _CLAIM = "PersistentVolume", "PersistentVolumeClaim"
Object = dict[str, Any]


def run(instance: Instance, cluster: str, stack: str, state: str) -> None:
    """Delete them in the cluster and forget them in the state; raises DevError. Again is harmless."""
    cli = preview.prepared(instance, cluster, stack, state)
    cli.prepare()
    forget(cli)


def forget(cli: PulumiCli) -> None:
    """`run`, with a CLI that is prepared. Nothing goes where the stack file's volume could not take its place."""
    resources = drift.objects(cli.state())
    volumes, claims = _of(resources, _VOLUME), _of(resources, _CLAIM)
    if not volumes and not claims:
        say(f"the stack {cli.stack} has no volume of its own; `make up` makes the one of its file")
        return
    mend.require_new_place(cli, resources)
    for volume in volumes:
        _require_retained(cli, volume)
    names = {claim["outputs"]["metadata"]["name"] for claim in claims}
    users = [it for it in resources if any(_mounts(it.get("inputs"), name) for name in names)]
    _delete(cli, users)
    _delete(cli, [*claims, *volumes])
    mend.refresh(cli, [it["urn"] for it in (*users, *claims, *volumes)])
    say("volume and claim are gone, their files are where they were; the next `make up` makes new ones")


def _of(resources: list[Object], kind: str) -> list[Object]:
    return [it for it in resources if it["type"].endswith(f":{kind}")]


def _mounts(value: Any, claim: str) -> bool:
    if isinstance(value, dict):
        entries = cast("Object", value)
        return entries.get("claimName") == claim or any(_mounts(it, claim) for it in entries.values())
    return isinstance(value, list) and any(_mounts(it, claim) for it in cast("list[Any]", value))


def _require_retained(cli: PulumiCli, volume: Object) -> None:
    live = kubectl.live(cli.kubeconfig, drift.identity(volume))
    policy = live["spec"]["persistentVolumeReclaimPolicy"] if live else "Retain"
    if policy != "Retain":
        name = volume["outputs"]["metadata"]["name"]
        patch = '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'
        raise DevError(
            f"PersistentVolume {name} has the reclaim policy {policy}, which would delete the files",
            f"kubectl patch pv {name} -p '{patch}', then run this again",
        )


def _delete(cli: PulumiCli, resources: list[Object]) -> None:
    if not resources:
        return
    what = ", ".join(f"{it['outputs']['kind']} {it['outputs']['metadata']['name']}" for it in resources)
    say(f"deleting {what}")
    unwanted = {"apiVersion": "v1", "kind": "List", "items": [drift.identity(it) for it in resources]}
    flags = ["--ignore-not-found", "--cascade=foreground", f"--timeout={_GONE_S}s"]
    kubectl.run(cli.kubeconfig, "delete", "-f", "-", *flags, stdin=json.dumps(unwanted))
