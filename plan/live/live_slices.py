"""Whether the new server would find its slices of the card, beside the pods there are.

With Recreate the old server is gone before Kubernetes reports a shortage, so this is checked before anything changes.
"""

from collections import Counter
from collections.abc import Iterator

from plan import config
from plan.base.errors import ConfigError
from plan.kubernetes.quantity import whole
from plan.live.expected import Expected
from plan.live.observed import Node, Observed, Taint
from plan.live.tenancy import who

_KEY = f"{config.KEY}.gpu"
_OUTAGE = "so a new server would wait after the old one is gone. Nothing was changed"
_NAMED = 5  # of pods or names
_VENDORS = ("nvidia.com/", "amd.com/", "gpu.intel.com/")
_SHARING = "nvidia.com/gpu.sharing-strategy"  # of NVIDIA's GPU Feature Discovery


def slice_problems(expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    """Why no node could take the server; raises ValueError for a quantity that is none."""
    wanted, resource = expected.tenancy, expected.tenancy.slice_resource
    nodes = wanted.nodes(seen)
    open_nodes = [node for node in nodes if not node.cordoned]
    reached = [node for node in open_nodes if not _kept_away(node, expected, seen)]
    offering = {node.name: _offered(node, resource) for node in reached}
    names = ", ".join(node.name for node in nodes)
    if not nodes:
        rule = f"No node has these labels, {_OUTAGE}"
        yield ConfigError(f"{_KEY}.node.selector", wanted.labels(seen), f"{rule}. Correct them, or label the node.")
    elif not open_nodes:
        rule = f"{names} takes no new pods, {_OUTAGE}"
        yield ConfigError(f"{_KEY}.node.selector", wanted.labels(seen), f"{rule}. Next: `kubectl uncordon {names}`.")
    elif not reached:
        yield _tainted(open_nodes, expected, seen)
    elif not any(offering.values()):
        yield ConfigError(f"{_KEY}.slice.resource", resource, f"{names} offers none, {_OUTAGE}. {_instead(reached)}.")
    elif not any(count - _held(name, expected, seen).total() >= expected.slices for name, count in offering.items()):
        rule = f"No node has that many of {resource} left, {_OUTAGE}"
        yield ConfigError(f"{_KEY}.slice.count", expected.slices, f"{rule}:\n{_table(offering, expected, seen)}")


def slice_notes(expected: Expected, seen: Observed) -> tuple[str, ...]:
    """Several slices of a card that is shared by time alone: each of them is the whole card."""
    shared = [node.name for node in expected.tenancy.nodes(seen) if node.labels.get(_SHARING) == "time-slicing"]
    if expected.slices < 2 or not shared:
        return ()
    where = ", ".join(sorted(shared)[:_NAMED])
    return (f"{where} shares its card by time, so {expected.slices} slices are no more of it than 1: gpu.slice.count.",)


def _kept_away(node: Node, expected: Expected, seen: Observed) -> list[Taint]:
    """Some clusters add a toleration for the resource itself to each pod that requests it: a server on it proves it."""
    wanted = expected.tenancy
    runs = any(pod.node == node.name and wanted.is_server(pod) for pod in seen.pods)
    return [taint for taint in wanted.keeps_away(node, seen) if not (runs and taint.key == wanted.slice_resource)]


def _tainted(nodes: list[Node], expected: Expected, seen: Observed) -> ConfigError:
    kept = {node.name: _kept_away(node, expected, seen) for node in nodes}
    rows = "; ".join(f"{name} has {', '.join(map(str, taints))}" for name, taints in kept.items())
    first = next(iter(kept.values()))[0]
    value = f", value: {first.value}" if first.value else ""
    fix = f"Add `tolerations: [{{key: {first.key}{value}, effect: {first.effect}}}]`"
    have = [toleration.key for toleration in expected.tenancy.tolerations] or None
    return ConfigError(f"{_KEY}.node.tolerations", have, f"Taints keep it from every node ({rows}), {_OUTAGE}. {fix}.")


def _instead(nodes: list[Node]) -> str:
    """What to do where a node does not offer the slice: it may be under another name."""
    of_cards = {name for node in nodes for name in node.allocatable if name.startswith(_VENDORS)}
    found = sorted(name for name in of_cards if any(_offered(node, name) for node in nodes))
    also = f"They offer {', '.join(found[:_NAMED])}: write that, or see" if found else "See"
    return f"{also} whether the device plugin runs, and `kubectl describe node {nodes[0].name}`"


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
