"""Whether the new server would find enough of the extended resource for GPU memory, beside the pods there are.

With Recreate the old server is gone before Kubernetes reports a shortage, so this is checked before anything changes.
"""

from dataclasses import dataclass

from plan.base.errors import ConfigError
from plan.card.extended_resource import KEY, MemoryPlan
from plan.kubernetes.quantity import whole
from plan.live.observed import Node, Observed
from plan.live.tenancy import Tenancy, waits_for, who


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """What a node offers, and what each other pod requests of it, the largest first; MiB."""

    node: str
    offered_mib: int
    rows: tuple[tuple[str, int], ...]

    @property
    def free_mib(self) -> int:
        return self.offered_mib - sum(mib for _, mib in self.rows)


def per_node(wanted: Tenancy, memory: MemoryPlan, seen: Observed) -> list[NodeMemory]:
    """The nodes with the card, without this stack's own server."""
    return [_on(node, wanted, memory, seen) for node in wanted.nodes(seen)]


def require_memory(wanted: Tenancy, memory: MemoryPlan, seen: Observed) -> tuple[str, ...]:
    """Raise ConfigError, with the table, where no node has as much left as the server requests.

    Returns notes: nodes that offer something else than the budget that sums are checked against.
    """
    nodes = per_node(wanted, memory, seen)
    offering = [node for node in nodes if node.offered_mib]
    if not any(node.free_mib >= memory.request_mib for node in offering):
        raise ConfigError(KEY, f"{memory.request_mib} MiB of {memory.resource}", _refusal(memory, nodes, offering))
    return tuple(
        f"{node.node} offers {node.offered_mib} MiB of {memory.resource}, {KEY}.budget_mib says {memory.budget_mib}."
        for node in offering
        if node.offered_mib != memory.budget_mib
    )


def _on(node: Node, wanted: Tenancy, memory: MemoryPlan, seen: Observed) -> NodeMemory:
    # Where we advertise it, the node is going to offer the budget, whatever it offers now.
    now_mib = whole(node.allocatable.get(memory.resource, "0"))
    offered_mib = memory.budget_mib if memory.advertiser else now_mib
    asking = [(pod, mib) for pod in seen.pods if (mib := pod.requests(memory.resource)) and not wanted.is_server(pod)]
    held = [(f"{who(pod)} ({pod.name})", mib) for pod, mib in asking if pod.node == node.name]
    left_mib = offered_mib - sum(mib for _, mib in held)
    # A waiting pod that fits once the old server is gone takes its place before the new one is there.
    waiting = [(pod, mib) for pod, mib in asking if waits_for(pod, node) and mib <= left_mib]
    rows = held + [(f"{who(pod)} ({pod.name}, waiting)", mib) for pod, mib in waiting]
    return NodeMemory(node.name, offered_mib, tuple(sorted(rows, key=lambda row: (-row[1], row[0]))))


def _refusal(memory: MemoryPlan, nodes: list[NodeMemory], offering: list[NodeMemory]) -> str:
    outage = "so the new server would wait after the old one is gone. Nothing was changed."
    if not nodes:
        return f"No node has the labels of gpu.node.selector, {outage} Correct the selector or label the node."
    if not offering:
        names = ", ".join(node.node for node in nodes)
        return f"{names} offers none, {outage} Write advertise: managed, or have it advertised."
    tables = "\n".join(_table(node, memory.request_mib) for node in offering)
    fix = "Scale one of these down or have it request less, give the models less context, or offer more"
    return f"No node with the card has that much left, {outage}\n{tables}\n{fix}."


def _table(node: NodeMemory, request_mib: int) -> str:
    rows = [*node.rows, ("left for this server", node.free_mib), ("it requests", request_mib)]
    rows.append(("too much by", request_mib - node.free_mib))
    width = max(len(name) for name, _ in rows)
    return "\n".join(
        [f"  {node.node} offers {node.offered_mib} MiB", *(f"    {name:{width}} {mib:6}" for name, mib in rows)]
    )
