"""`python -m tests.plan.verdict.capture [NAME]...`: keep what Pulumi previews for prepared changes on a played cluster.

Real previews, made lean: what the cluster answered, and the programs' bytes, say nothing that a verdict reads.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dev.cluster import cluster
from dev.cluster.played import stand_ins
from dev.commands.up import cluster_id
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.pulumi.cli import PulumiCli
from dev.tools import tools
from plan.models import lock
from tests import checkout, stacks
from tests.engine.played import INSTANCE, Stack, image
from tests.plan.verdict.prepared import CHANGES, FIRST, Edited, changed, deployed

PREVIEWS = Path(__file__).parent / "previews"
STACK = "prod"
_STATE = ("inputs", "protect", "retainOnDelete", "initErrors")
_STEP = ("op", "urn", "detailedDiff")


def main(*names: str) -> None:
    cluster.reset(INSTANCE)
    shutil.rmtree(INSTANCE.state, ignore_errors=True)
    try:
        tools.ensure("debian", "postgres", "pulumi", "kubernetes", "kwok")
        postgres.start(INSTANCE, fsync=False)
        cluster.up(INSTANCE, nodes="kwok")
        with tempfile.TemporaryDirectory(prefix="previews-") as place:
            keep(INSTANCE, checkout.copy_with_example(Path(place)), names or tuple(CHANGES))
    finally:
        postgres.stop(INSTANCE)
        cluster.reset(INSTANCE)
        shutil.rmtree(INSTANCE.state, ignore_errors=True)


def keep(machine: Instance, directory: Path, names: Sequence[str]) -> None:
    """Write these previews; `directory` is a checkout whose lock may change."""
    base = deployed()
    tenant = stand_ins.Tenant(base.raw["immich"]["namespace"], base.raw["immich"]["deployment"])
    stand_ins.ensure(machine, image("immich"), base.raw["namespace"], tenant)
    cli = PulumiCli(machine, STACK, machine.kubeconfig, postgres.environment(machine))
    stack = Stack(cli, {}, directory)
    put(stack, base)
    cli.prepare()
    for name in sorted(names, key=lambda it: it != FIRST):
        if name != FIRST and not json.loads(stack.pulumi("stack", "output", "--json").stdout or "{}"):
            put(stack, base)
            stack.up()
        put(stack, changed(name))
        done = stack.pulumi("preview", "--json")
        print(name, done.returncode, len(done.stdout), done.stderr[-500:])
        text = json.dumps(lean(json.loads(done.stdout)), indent=1) + "\n"
        (PREVIEWS / f"{name}.json").write_text(text.replace(cluster_id(machine.kubeconfig), stacks.CLUSTER_ID))


def put(stack: Stack, edited: Edited) -> None:
    """The stack file and the lock of a change, for the next run."""
    here = edited.raw["cluster"]["id"] == stacks.CLUSTER_ID
    stack.raw = {**edited.raw, **({"cluster": {"id": cluster_id(stack.cli.kubeconfig)}} if here else {})}
    (stack.checkout / lock.LOCK_FILE).write_text(lock.dump(edited.locked))
    stack.write()


def lean(digest: dict[str, Any]) -> dict[str, Any]:
    """The parts of a digest that are read, without bytes."""
    steps = [
        {key: step[key] for key in _STEP if step.get(key)}
        | {key: _state(step, key) for key in ("oldState", "newState") if step.get(key)}
        for step in digest.get("steps", [])
    ]
    return {"steps": steps, "diagnostics": digest.get("diagnostics", []), "changeSummary": digest.get("changeSummary")}


def _state(step: dict[str, Any], key: str) -> dict[str, Any]:
    state, kept = step[key], {name: step[key][name] for name in _STATE if step[key].get(name)}
    if "binaryData" in kept.get("inputs", {}):
        kept["inputs"]["binaryData"] = dict.fromkeys(kept["inputs"]["binaryData"], "UEs=")
    return kept | ({"outputs": state.get("outputs", {})} if step["urn"].split("::")[2] == "pulumi:pulumi:Stack" else {})


if __name__ == "__main__":
    main(*sys.argv[1:])
