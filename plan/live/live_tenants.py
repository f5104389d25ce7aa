"""What a live cluster says about the shared card: who is on it undeclared, and whether the server would fit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from plan import config
from plan.base.errors import ConfigError
from plan.card.extended_resource import KEY
from plan.live.kubectl_answer import Observed, Pod, parse
from plan.live.live_memory import require_memory
from plan.live.tenancy import Tenancy, waits_for, who

_RIGHTS = "The right to list namespaces, nodes and pods of the whole cluster is needed"
_TRY = "try `kubectl get namespaces,nodes,pods -A`"
_NAMED = 2  # pods of one workload; more are counted


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A workload on the card that no tenant's entry is about; what its pods request of the slice and of its memory."""

    namespace: str
    workload: str
    pods: tuple[str, ...]
    slices: int
    memory_mib: int


def judge(wanted: Tenancy, answer: bytes | str) -> tuple[str, ...]:
    """Notes for the preview, from what kubectl printed for kubectl_answer.py; none about another stack's cluster.

    Raises ConfigError where a new server would not find room, or where gpu.memory is set and that cannot be known.
    """
    try:
        seen = parse(answer)
        if seen.cluster_id != wanted.cluster_id:
            return ()  # the guard says so, and nothing there is ours to judge
        notes = require_memory(wanted, wanted.memory, seen) if wanted.memory else ()
        return (*notes, *_not_away(wanted, seen), *undeclared_notes(undeclared(wanted, seen)))
    except ValueError as error:
        return unread(wanted, str(error))


def unread(wanted: Tenancy, reason: str) -> tuple[str, ...]:
    """What follows when the cluster could not be asked: a note, or with gpu.memory a ConfigError."""
    if wanted.memory:
        asked = f"{wanted.memory.request_mib} MiB of {wanted.memory.resource}"
        unknown = "How much other pods leave of it is not known, and a new server that finds too little is an outage"
        raise ConfigError(KEY, asked, f"{unknown}: {reason}. {_RIGHTS}; {_TRY}.")
    what = "Whether the card has undeclared tenants is not known"
    return (f"{what}: {reason}. {_RIGHTS}; {_TRY}.",) if wanted.shared else ()


def undeclared(wanted: Tenancy, seen: Observed) -> tuple[Undeclared, ...]:
    """Workloads with a slice of the card, on its nodes or waiting for them, that match no tenant of the stack."""
    found: dict[tuple[str, str], list[Pod]] = {}
    for pod in _tenants(wanted, seen):
        if wanted.tenant_of(pod) is None:
            found.setdefault((pod.namespace, pod.workload), []).append(pod)
    memory = wanted.memory.resource if wanted.memory else ""
    return tuple(
        Undeclared(
            namespace=namespace,
            workload=workload,
            pods=tuple(sorted(pod.name for pod in pods)),
            slices=sum(pod.requests(wanted.slice_resource) for pod in pods),
            memory_mib=sum(pod.requests(memory) for pod in pods),
        )
        for (namespace, workload), pods in sorted(found.items())
    )


def _tenants(wanted: Tenancy, seen: Observed) -> Iterator[Pod]:
    nodes = wanted.nodes(seen) if wanted.shared else []
    for pod in seen.pods:
        there = any(pod.node == node.name or waits_for(pod, node) for node in nodes)
        if there and wanted.asks(pod) and not wanted.is_ours(pod):
            yield pod


def _not_away(wanted: Tenancy, seen: Observed) -> tuple[str, ...]:
    pods = sorted((name, who(pod), pod.name) for pod in _tenants(wanted, seen) if (name := wanted.tenant_of(pod)))
    return tuple(
        f"gpu.tenants.{name} is declared scaled to zero, but {made_by} has the pod {pod} on the card."
        for name, made_by, pod in pods
        if name in wanted.away
    )


def undeclared_notes(found: Iterable[Undeclared]) -> tuple[str, ...]:
    """One note that names them all, or none."""
    rows = "\n".join(f"  {it.namespace}/{it.workload}: {_pods(it.pods)}; requested: {_requests(it)}" for it in found)
    if not rows:
        return ()
    what = f"On the card, but not in {config.KEY}.gpu.tenants, so no memory is kept for them"
    fix = "Add each with its peak_mib, and `workload: namespace/name` where its name is another."
    return (f"{what}:\n{rows}\n  {fix}",)


def _pods(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
    return f"{len(names)} pod{'s' * (len(names) > 1)}, {', '.join(names[:_NAMED])}{more}"


def _requests(it: Undeclared) -> str:
    amounts = [f"{it.slices} of the slice"] * bool(it.slices) + [f"{it.memory_mib} MiB"] * bool(it.memory_mib)
    return " and ".join(amounts)
