"""What a live cluster says about the shared card: who is on it undeclared, and whether the server would fit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from plan import config
from plan.live.live_memory import require_memory
from plan.live.observed import Observed, Pod
from plan.live.tenancy import Tenancy, waits_for, who

_NAMED = 2  # pods of one workload; more are counted
_USUAL_CLASS = "nvidia"  # as NVIDIA's GPU Operator and k3s call it


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A workload on the card that no tenant's entry is about; what its pods request of the slice and of its memory."""

    namespace: str
    workload: str
    pods: tuple[str, ...]
    slices: int
    memory_mib: int


def judge_tenants(wanted: Tenancy, seen: Observed) -> tuple[str, ...]:
    """Notes on who is on the card.

    Raises ConfigError where a new server would not find room, ValueError for a quantity that is none.
    """
    notes = require_memory(wanted, wanted.memory, seen) if wanted.memory else ()
    return (
        *notes,
        *_not_away(wanted, seen),
        *_several(wanted, seen),
        *undeclared_notes(undeclared(wanted, seen)),
        *_without_a_slice(wanted, seen),
    )


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


def _several(wanted: Tenancy, seen: Observed) -> tuple[str, ...]:
    """Tenants with more pods than one, each of which may hold what their entry says."""
    pods: dict[str, list[str]] = {}
    for pod in _tenants(wanted, seen):
        if (name := wanted.tenant_of(pod)) and name not in wanted.away:
            pods.setdefault(name, []).append(pod.name)
    return tuple(
        f"gpu.tenants.{name} has {_pods(tuple(sorted(found)))} on the card, and its peak_mib is counted once."
        for name, found in sorted(pods.items())
        if len(found) > 1
    )


def _without_a_slice(wanted: Tenancy, seen: Observed) -> tuple[str, ...]:
    """Pods that get the card by their RuntimeClass or a claim; those of DaemonSets serve the node."""
    classes = {wanted.runtime_class or _USUAL_CLASS, _USUAL_CLASS}
    cards = {node.name for node in wanted.nodes(seen)} if wanted.shared else set[str]()
    found = sorted(
        f"{who(pod)} ({'a claim' if pod.claims else f'runtimeClassName {pod.runtime_class}'})"
        for pod in seen.pods
        if pod.node in cards
        and not (pod.of_each_node or wanted.is_ours(pod) or wanted.asks(pod))
        and (pod.claims or pod.runtime_class in classes)
        and not wanted.tenant_of(pod)
    )
    if not found:
        return ()
    more = f" and {len(found) - _NAMED} more" if found[_NAMED:] else ""
    what = "On the card's node without a request for a slice, so nothing counts them"
    return (f"{what}: {', '.join(found[:_NAMED])}{more}.",)


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
