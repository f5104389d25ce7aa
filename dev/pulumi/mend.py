"""What happened to a stack's objects behind Pulumi's back: said before a preview or an `up`, and mended by the `up`.

`up` alone looks at the state and takes a deleted object for unchanged. So each object of the state is asked for by its
name, and those that are gone or edited are refreshed, and no others. plan/live/drift.py judges the answers.
"""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from dev.cluster import kubectl
from dev.machine.steps import DevError, say
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import rendered
from plan import config
from plan.config import stack_file
from plan.live import drift
from plan.live.drift import Drift
from plan.weights.moved import moved
from plan.weights.volume import plan_volume

_RUNBOOK = "docs/runbooks/volume.md"


def before_preview(cli: PulumiCli) -> PulumiCli:
    """Say what is gone or edited; returns the CLI whose preview shows it. Raises DevError where no `up` mends it."""
    found = _look(cli)
    for it in found:
        say(f"{it}; {_by_hand(it) or 'an `up` mends it'}")
    return dataclasses.replace(cli, mends=not all(it.fix for it in found))


def before_up(cli: PulumiCli) -> PulumiCli:
    """Say what is gone or edited and refresh it; returns the CLI whose `up` mends it. Raises DevError."""
    found = _look(cli)
    for it in found:
        say(f"{it}; {_by_hand(it) or 'mending it'}")
    refresh(cli, [it.urn for it in found if not it.fix])
    return dataclasses.replace(cli, mends=not all(it.fix for it in found))


def _by_hand(it: Drift) -> str:
    return it.fix and f"run `{it.fix}`, then `make up`: it makes the stack's own again"


def refresh(cli: PulumiCli, urns: Iterable[str]) -> None:
    """Take into the state what the cluster has of these resources."""
    if targets := [flag for urn in urns for flag in ("--target", urn)]:
        cli.run("refresh", "--yes", "--skip-preview", "--non-interactive", *targets, quiet=True)


def _look(cli: PulumiCli) -> tuple[Drift, ...]:
    resources = drift.objects(cli.state())
    _require_place(cli, resources)
    if not resources:
        return ()
    try:
        found = drift.compare(resources, _live(cli, resources))
    except DevError as error:
        say(f"whether objects of the stack were deleted or edited is not known: {error.what}")
        return ()
    except drift.OtherClusterError as error:
        raise DevError(str(error), f"{_RUNBOOK}, 'The cluster is another one'") from None
    if lost := [it for it in found if it.lost_files]:
        what = f"{' and '.join(map(str, lost))}; the files are still where they were. Nothing was changed"
        raise DevError(what, f"make both anew: `{new_volume(cli)}`; {_RUNBOOK} says what that does")
    if going := [it for it in found if it.going]:
        raise DevError(f"{going[0]}. Nothing was changed", "run this again when it is gone: it is made anew then")
    return found


def _live(cli: PulumiCli, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects that are there. By name, not by label: an object that lost its labels is not gone."""
    wanted = {"apiVersion": "v1", "kind": "List", "items": [drift.identity(it) for it in resources]}
    flags = ["--ignore-not-found", "--show-managed-fields", "-o", "json"]
    answer = kubectl.run(cli.kubeconfig, "get", "-f", "-", *flags, stdin=json.dumps(wanted))
    found: dict[str, Any] = json.loads(answer) if answer else {"items": []}
    return found.get("items", [found])


def _require_place(cli: PulumiCli, resources: list[dict[str, Any]]) -> None:
    file = rendered(cli.instance, cli.stack)
    stack = config.parse(stack_file.configuration(file.read_bytes(), file))
    if found := moved(plan_volume(stack.volume, stack.namespace), resources):
        what = f"{found.key} is {found.now}, and this stack's volume is made for {found.before}; a volume cannot move"
        fix = f"let one for the new place take its turn: `{new_volume(cli)}`; before, read {_RUNBOOK} on files to keep"
        raise DevError(f"{what}. Nothing was changed", fix)


def new_volume(cli: PulumiCli) -> str:
    """The command that makes the volume anew, as a person types it."""
    local = {"dev": "embedded", "engine": "engine"}
    cluster = "current" if cli.kubeconfig != cli.instance.kubeconfig else local.get(cli.instance.name, "engine")
    return f"make new-volume up STACK={cli.stack} CLUSTER={cluster}"
