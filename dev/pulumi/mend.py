"""What happened to a stack's objects behind Pulumi's back: said before a preview or an `up`, and mended by the `up`.

`up` alone looks at the state and takes a deleted object for unchanged. So each object of the state is asked for by its
name, and those that are gone or edited are refreshed, and no others. plan/live/objects/drift.py judges the answers.
"""

import dataclasses
import datetime
import json
from collections.abc import Iterable
from typing import Any

from dev.cluster import kubectl
from dev.machine.steps import DevError, say
from dev.pulumi import lost_weights
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import rendered
from plan import config
from plan.base import names
from plan.base.errors import ConfigError
from plan.config import stack_file
from plan.live import prerequisites, question
from plan.live.expected import plan_expected
from plan.live.kubectl_answer import Answer, parse
from plan.live.objects import drift
from plan.live.objects.drift import Drift
from plan.text.show import words
from plan.weights.moved import moved
from plan.weights.volume import plan_volume

Object = dict[str, Any]
_RUNBOOK = "docs/runbooks/volume.md"
_NEW_VOLUME = "make new-volume up"
_KINDS = "persistentvolumeclaims,deployments,services"  # of a stack whose `up` got anywhere


def before_preview(cli: PulumiCli) -> PulumiCli:
    """Say what is gone or edited; returns the CLI whose preview shows it. Raises DevError where no `up` mends it."""
    resources = drift.objects(cli.state())
    found = _look(cli, resources)
    for it in found:
        say(f"{it}; {_by_hand(it) or 'an `up` mends it'}")
    for model, lack in lost_weights.find(cli.kubeconfig, _stack(cli).namespace).items():
        say(f"model {model}: {lack}; an `up` fetches it again")
    return dataclasses.replace(cli, mends=not all(it.fix for it in found))


def before_up(cli: PulumiCli) -> PulumiCli:
    """Say what is gone or edited and refresh it; returns the CLI whose `up` mends it. Raises DevError."""
    resources = drift.objects(cli.state())
    found = _look(cli, resources)
    for it in found:
        say(f"{it}; {_by_hand(it) or 'mending it'}")
    urns = [it.urn for it in found if not it.fix]
    for model, lack in lost_weights.find(cli.kubeconfig, _stack(cli).namespace).items():
        say(f"model {model}: {lack}; its Job runs again and fetches it")
        urns += _delete_job(cli, resources, names.fetch_job(model))
    refresh(cli, urns)
    return dataclasses.replace(cli, mends=not all(it.fix for it in found))


def _by_hand(it: Drift) -> str:
    return it.fix and f"run `{it.fix}`, then `make up`: it makes the stack's own again"


def refresh(cli: PulumiCli, urns: Iterable[str]) -> None:
    """Take into the state what the cluster has of these resources."""
    if targets := [flag for urn in urns for flag in ("--target", urn)]:
        cli.run("refresh", "--yes", "--skip-preview", "--non-interactive", *targets, quiet=True)


def _delete_job(cli: PulumiCli, resources: list[Object], name: str) -> list[str]:
    """Delete the Job, which would not run again otherwise; returns its URN, if it is one of the stack's."""
    jobs = [it for it in resources if (it["outputs"]["kind"], it["outputs"]["metadata"]["name"]) == ("Job", name)]
    for job in jobs:
        where = ["-n", job["outputs"]["metadata"]["namespace"], "--ignore-not-found"]
        kubectl.run(cli.kubeconfig, "delete", "job", name, *where)
    return [it["urn"] for it in jobs]


def _look(cli: PulumiCli, resources: list[Object]) -> tuple[Drift, ...]:
    _require_place(cli, resources)
    if all(it.get("external") for it in resources):
        _require_alone(cli)
    if not resources:
        return ()
    try:
        live = _live(cli, resources)
    except DevError as error:
        say(f"whether objects of the stack were deleted or edited is not known: {words(error.what)}")
        return ()
    found = _compared(resources, live)
    if lost := [it for it in found if it.lost_files]:
        what = f"{' and '.join(map(str, lost))}; the files are still where they were. Nothing was changed"
        raise DevError(what, f"make both anew: `{_NEW_VOLUME}`; {_RUNBOOK} says what that does")
    if going := [it for it in found if it.going]:
        raise DevError(f"{going[0]}. Nothing was changed", "run this again when it is gone: it is made anew then")
    return found


def _compared(resources: list[Object], live: list[Object]) -> tuple[Drift, ...]:
    try:
        return drift.compare(resources, live)
    except drift.OtherClusterError as error:
        raise DevError(f"{error}. Nothing was changed", f"{_RUNBOOK}#the-cluster-is-another-one") from None


def require_new_place(cli: PulumiCli, resources: list[Object]) -> None:
    """Raise DevError or ConfigError where the volume of the stack file could not be made: before the old one goes."""
    if known := [it for it in resources if it.get("external")]:
        _compared(known, _live(cli, known))
    flags = ["--all-namespaces", f"--output=go-template={question.TEMPLATE}"]
    seen = parse(Answer(kubectl.run(cli.kubeconfig, "get", ",".join(question.KINDS), *flags)))
    ours = {it["outputs"]["metadata"]["name"] for it in resources if it["outputs"]["kind"] == "PersistentVolume"}
    others = tuple(volume for volume in seen.volumes if volume.name not in ours)
    today = datetime.date.today()  # noqa: DTZ011 - the operator's day, as in the program
    expected = plan_expected(_stack(cli), None, today)
    if problems := list(prerequisites.problems(expected, dataclasses.replace(seen, volumes=others))):
        raise ConfigError.of(problems)


def _live(cli: PulumiCli, resources: list[Object]) -> list[Object]:
    """The objects that are there. By name, not by label: an object that lost its labels is not gone."""
    wanted = {"apiVersion": "v1", "kind": "List", "items": [drift.identity(it) for it in resources]}
    flags = ["--ignore-not-found", "--show-managed-fields", "-o", "json"]
    answer = kubectl.run(cli.kubeconfig, "get", "-f", "-", *flags, stdin=json.dumps(wanted))
    found: Object = json.loads(answer) if answer else {"items": []}
    return found.get("items", [found])


def _require_alone(cli: PulumiCli) -> None:
    """Raise DevError where a stack without objects would meet those of another, or its own of a state that was lost."""
    namespace, ours = _stack(cli).namespace, ",".join(f"{key}={value}" for key, value in names.owner_labels().items())
    try:
        there = kubectl.run(cli.kubeconfig, "get", _KINDS, "-n", namespace, "-l", ours, "-o", "name").split()
    except DevError:
        return  # they may not be listed: a create that meets one fails
    if there and not cli.state()["deployment"].get("pending_operations"):
        what = f"the namespace {namespace} has {', '.join(there)}, of which the state of {cli.stack} knows nothing"
        fix = f"write another namespace, if it is another stack's; {_RUNBOOK}#the-state-was-lost, if it was this one's"
        raise DevError(f"{what}. Nothing was changed", fix)


def _require_place(cli: PulumiCli, resources: list[Object]) -> None:
    stack = _stack(cli)
    if found := moved(plan_volume(stack.volume, stack.namespace), resources):
        require_new_place(cli, resources)
        made = f"this stack's volume was made for {found.before}; no volume can change that"
        fix = f"write that back, or let a new one take its place, with every file kept: `{_NEW_VOLUME}`; {_RUNBOOK}"
        raise DevError(f"{found.key} is {found.now}, and {made}. Nothing was changed", fix)


def _stack(cli: PulumiCli) -> config.Stack:
    file = rendered(cli.instance, cli.stack)
    return config.parse(stack_file.configuration(file.read_bytes(), file))
