"""Whether anything answers, beside a rollout: what brings the server, its Service or its namespace, or takes them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from plan.base import names
from plan.plan import Plan
from plan.verdict.change import Change

Row = tuple[str, str]  # what it is about, and a sentence


def silences(changes: Iterable[Change], plan: Plan) -> tuple[Row, ...]:
    """Why ids may not answer, or not for sure; a rollout alone is none of it, and neither is what stays in place."""
    found = [(whose, it) for it in changes if (whose := _whose(it, plan))]
    comes = any(whose == "server" and it.how == "create" and replicas(it.new) != 0 for whose, it in found)
    first = [("starts", "the server, when all weights are on the volume; until then nothing answers")] * comes
    told = [it for it in found if not (comes and it[1].how == "create")]  # it comes with all that it needs
    return (*first, *(row for whose, it in told for row in _of(whose, it, plan)))


def is_server(change: Change, plan: Plan) -> bool:
    """Whether it is the Deployment that consumers wait for, and not a part of somebody else's."""
    named = (change.kind, change.namespace, change.name) == ("Deployment", plan.server.namespace, plan.server.name)
    return named and not change.is_foreign


def replicas(inputs: Mapping[str, Any]) -> object:
    """How many pods it should have; a Deployment that does not say so has one."""
    spec: object = inputs.get("spec")
    said = cast("Mapping[str, Any]", spec).get("replicas") if isinstance(spec, Mapping) else None
    return 1 if said is None else said


def _whose(change: Change, plan: Plan) -> str | None:
    """Which of the three it is that an answer needs; None for anything else."""
    if is_server(change, plan):
        return "server"
    if change.is_foreign or not change.is_object:
        return None
    if (change.kind, change.namespace, change.name) == ("Service", plan.server.namespace, names.SERVER):
        return "Service"
    return "namespace" if (change.kind, change.name) == ("Namespace", plan.server.namespace) else None


def _of(whose: str, it: Change, plan: Plan) -> Iterator[Row]:
    if it.how == "create" and not (whose == "server" and replicas(it.new) == 0):
        yield "starts", f"{it.object}, which is not there now: until it is, nothing answers"
    elif it.how == "delete" and not it.retained:
        yield "gone", f"{it.object} is deleted, and nothing answers at {plan.contract['endpoint']} any more"
    elif it.how == "replace" and whose != "server":
        yield "restarts", f"{it.object} is taken away and made anew: until it is there again, nothing answers"
    elif it.how == "other":
        yield "unknown", f"whether any id answers: Pulumi's {it.op} of {it.object} may be anything"
    if it.how == "update" and it.failed:
        yield "starts", f"{it.object}, which was not ready the last time: until it is, it may be that nothing answers"
    if whose == "server" and it.how in ("create", "update", "replace"):
        yield from _scaled(it)
    if whose == "Service" and it.how == "update" and _leads_elsewhere(it):
        yield "unknown", f"whether any id answers: where {it.object} leads is changed"


def _scaled(it: Change) -> Iterator[Row]:
    """The server's replicas: from none, to none, or back from what somebody set in the cluster."""
    before, after = replicas(it.old), replicas(it.new)
    if after == 0:
        yield "gone", "the server is set to 0 replicas, and nothing answers any more"
    elif before == 0:
        yield "starts", "the server, which is at 0 replicas now; until it is ready nothing answers"
    elif before == after and "spec.replicas" in it.drift:
        yield "starts", "the server, if somebody set it to 0 replicas: then nothing answers until it is ready"


def _leads_elsewhere(it: Change) -> bool:
    drifted = any(path == "spec" or path.startswith(("spec.", "spec[")) for path in it.drift)
    return it.old.get("spec") != it.new.get("spec") or drifted
