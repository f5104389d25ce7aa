"""Whether the new server would find its slices of the card, beside the pods there are.

With Recreate the old server is gone before Kubernetes reports a shortage, so this is checked before anything changes.
"""

from collections import Counter
from collections.abc import Iterator

from plan import config
from plan.base.errors import ConfigError
from plan.kubernetes.quantity import whole
from plan.live.expected import Expected
from plan.live.observed import Node, Observed
from plan.live.tenancy import who

_KEY = f"{config.KEY}.gpu"
_OUTAGE = "so a new server would wait after the old one is gone. Nothing was changed"
_NAMED = 5  # pods that are listed


def slice_problems(expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    """Why no node could take the server; raises ValueError for a quantity that is none."""
    wanted, resource = expected.tenancy, expected.tenancy.slice_resource
    nodes = wanted.nodes(seen)
    open_nodes = [node for node in nodes if not node.cordoned]
    offering = {node.name: _offered(node, resource) for node in open_nodes}
    names = ", ".join(node.name for node in nodes)
    if not nodes:
        rule = f"No node has these labels, {_OUTAGE}"
        yield ConfigError(f"{_KEY}.node.selector", dict(wanted.selector), f"{rule}. Correct them, or label the node.")
    elif not open_nodes:
        rule = f"{names} takes no new pods, {_OUTAGE}"
        yield ConfigError(f"{_KEY}.node.selector", dict(wanted.selector), f"{rule}. Next: `kubectl uncordon {names}`.")
    elif not any(offering.values()):
        rule = f"{names} offers none, {_OUTAGE}"
        fix = f"See whether the device plugin runs, and `kubectl describe node {nodes[0].name}`"
        yield ConfigError(f"{_KEY}.slice.resource", resource, f"{rule}. {fix}.")
    elif not any(count - _held(name, expected, seen).total() >= expected.slices for name, count in offering.items()):
        rule = f"No node has that many of {resource} left, {_OUTAGE}"
        yield ConfigError(f"{_KEY}.slice.count", expected.slices, f"{rule}:\n{_table(offering, expected, seen)}")


def _offered(node: Node, resource: str) -> int:
    return whole(node.allocatable.get(resource, "0"))


def _held(node: str, expected: Expected, seen: Observed) -> Counter[str]:
    """What other pods on the node request of the slice, by who made them."""
    wanted, held = expected.tenancy, Counter[str]()
    for pod in seen.pods:
        if pod.node == node and not wanted.is_ours(pod) and (count := pod.requests(wanted.slice_resource)):
            held[who(pod)] += count
    return held


def _table(offering: dict[str, int], expected: Expected, seen: Observed) -> str:
    lines: list[str] = []
    for node, count in offering.items():
        rows = sorted(_held(node, expected, seen).items(), key=lambda row: (-row[1], row[0]))
        more = f" and {len(rows) - _NAMED} more" if rows[_NAMED:] else ""
        by = ", ".join(f"{name} {held}" for name, held in rows[:_NAMED]) or "nobody"
        lines.append(f"  {node} offers {count}, requested by {by}{more}")
    fix = "  Scale one of these down, have the device plugin offer more, or write a smaller gpu.slice.count."
    return "\n".join([*lines, fix])
