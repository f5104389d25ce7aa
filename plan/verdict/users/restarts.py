"""Which pods are replaced, and how long consumers go without an answer because of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

from plan.engine.pod import GRACE_S
from plan.plan import Plan
from plan.verdict.change import Change
from plan.verdict.users.answers import is_server, replicas

# From the end of the old pod until the Service answers: scheduling, the gate's look at the files, the engine's start.
# The image is on the node by then, for the preflight ran there.
_START_S = 15
_WITH_PODS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class Load:
    """One model's read from the volume, at the rate `measured` or else declared; `resident` ones begin at the start."""

    model_id: str
    seconds: int
    resident: bool
    measured: bool


@dataclass(frozen=True, slots=True)
class Restart:
    """The server's pod is replaced, the old one first: no answer for `silent_s` at the most, then `loads` begin."""

    silent_s: int
    read_mib_s: int
    loads: tuple[Load, ...]


def server_restart(changes: Iterable[Change], plan: Plan, read_mib_s: Mapping[str, float]) -> Restart | None:
    """What a rollout of the server costs its users; None where its pod stays, where there was none or will be none.

    `read_mib_s` has the measured rates of models.
    """
    servers = [it for it in _restarting(changes) if is_server(it, plan)]
    if not any(replicas(it.old) != 0 and replicas(it.new) != 0 for it in servers):
        return None
    rate = plan.volume.read_mib_s
    loads = [
        Load(
            model_id=it["id"],
            seconds=ceil(it["bytes"] / 2**20 / read_mib_s.get(it["id"], rate)),
            resident=it["resident"],
            measured=it["id"] in read_mib_s,
        )
        for it in plan.contract["models"]
    ]
    return Restart(GRACE_S + _START_S, rate, tuple(sorted(loads, key=lambda it: (-it.seconds, it.model_id))))


def other_restarts(changes: Iterable[Change], plan: Plan) -> tuple[str, ...]:
    """Our other workloads whose pods are replaced."""
    return tuple(it.object for it in _restarting(changes) if not is_server(it, plan) and not it.is_foreign)


def _restarting(changes: Iterable[Change]) -> Iterable[Change]:
    for change in changes:
        if change.is_object and change.kind in _WITH_PODS:
            edited = any(path.startswith("spec.template") for path in change.drift)  # in the cluster, by hand
            other_pods = _template(change.old) != _template(change.new) or edited
            if change.how == "replace" or (change.how == "update" and other_pods):
                yield change


def _template(inputs: Mapping[str, Any]) -> object:
    spec: object = inputs.get("spec")
    return cast("Mapping[str, Any]", spec).get("template") if isinstance(spec, Mapping) else None
