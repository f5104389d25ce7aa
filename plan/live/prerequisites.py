"""What has to be there before the stack: without it a rollout waits until its time is up.

What no waiting mends is refused before anything is changed. Of a kind that may not be listed nothing is said here.
"""

from collections.abc import Iterable, Iterator

from plan import config
from plan.base import names
from plan.base.errors import ConfigError
from plan.live.expected import Expected
from plan.live.observed import Node, Observed, Volume
from plan.weights.volume import NFS_DRIVER, LocalSource, NewVolume, NfsSource

_HOSTNAME = "kubernetes.io/hostname"
_NAMED = 5  # names that are listed
_DRIVER_DOCS = "https://github.com/kubernetes-csi/csi-driver-nfs"


def problems(expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    yield from _namespaces(expected, seen)
    yield from _another_stack(expected, seen)
    yield from _runtime_class(expected, seen)
    if new := expected.volume.new:
        yield from _source(new, expected, seen)
        yield from _name_taken(new, expected, seen)


def volume_notes(expected: Expected, seen: Observed) -> tuple[str, ...]:
    """Another stack's volume on the same directory: each is used, and pruned, as if the other were not there."""
    return tuple(
        f"The volume {other.name} of the claim {other.claim} has the same directory: what one stack fetches is "
        "unused to the other. Keep prune.mode at report in both."
        for other in _same_directory(expected, seen)
        if expected.prune_mode == "report"
    )


def server_notes(expected: Expected, seen: Observed) -> tuple[str, ...]:
    """A deleted server: Pulumi compares with its state alone, and a program cannot tell it from a first `up`."""
    place = f"{expected.volume.namespace}/{expected.volume.claim}"
    begun = any(volume.claim == place for volume in filter(_is_ours, seen.volumes))
    server = "Deployment", expected.volume.namespace, names.SERVER
    there = any((it.kind, it.namespace, it.name) == server for it in seen.workloads)
    if not begun or there or "deployments" in seen.refused:
        return ()
    where = f"The cluster has no Deployment {names.SERVER} in the namespace {expected.volume.namespace}"
    return (f"{where}. If it was deleted, Pulumi's state does not say so: `pulumi up --refresh` makes it again.",)


def _namespaces(expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    wanted = {f"{config.KEY}.namespace": expected.tenancy.namespace}
    if expected.immich:
        wanted[f"{config.KEY}.immich.namespace"] = expected.immich.namespace
    for key, name in wanted.items():
        phase = seen.namespaces.get(name)
        if phase is None:
            yield ConfigError(
                key, name, f"The cluster has no such namespace. Correct it, or: `kubectl create namespace {name}`."
            )
        elif phase == "Terminating":
            rule = "This namespace is being deleted, so nothing can be made in it"
            yield ConfigError(key, name, f"{rule}. Wait until `kubectl get namespace {name}` finds none, and make it.")


def _another_stack(expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    """Each stack has a claim of its own; server, Service and key have the same name in all."""
    for other in filter(_is_ours, seen.volumes):
        namespace, _, claim = other.claim.partition("/")
        if namespace == expected.volume.namespace and claim != expected.volume.claim:
            rule = (
                f"The claim {claim} in it has a volume of another stack, whose server, Service and key have these names"
            )
            fix = "Write another namespace, or, where this is that stack, the name of its claim in volume.name"
            yield ConfigError(f"{config.KEY}.namespace", namespace, f"{rule}. {fix}.")


def _runtime_class(expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    name = expected.tenancy.runtime_class
    if name and "runtimeclasses" not in seen.refused and name not in seen.runtime_classes:
        there = ", ".join(sorted(seen.runtime_classes)[:_NAMED]) or "none"
        rule = f"The cluster has no such RuntimeClass, so no pod of it can be made; there is {there}"
        fix = "Write that one, or install what makes it: NVIDIA's GPU operator, or its container toolkit by hand"
        yield ConfigError(f"{config.KEY}.gpu.node.runtime_class", name, f"{rule}. {fix}.")


def _source(new: NewVolume, expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    match new.source:
        case NfsSource():
            if "csidrivers" not in seen.refused and NFS_DRIVER not in seen.csi_drivers:
                rule = f"NFS is mounted by the CSI driver {NFS_DRIVER}, which the cluster does not have"
                fix = f"Install it ({_DRIVER_DOCS}); `kubectl get csidrivers` lists those there are"
                yield ConfigError(f"{config.KEY}.volume.nfs", new.source.server, f"{rule}. {fix}.")
        case LocalSource(node=name):
            if "nodes" not in seen.refused:
                yield from _local(name, expected, seen)


def _local(name: str, expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    key = f"{config.KEY}.volume.local.node"
    found = [node for node in seen.nodes if node.labels.get(_HOSTNAME) == name]
    cards = expected.tenancy.nodes(seen)
    if not found:
        rule = f"No node has the label {_HOSTNAME}={name}; there are {_names(seen.nodes)}"
        yield ConfigError(key, name, f"{rule}. Write the one that has the directory.")
    elif cards and not any(node in cards for node in found):
        rule = "This node has not the labels of gpu.node.selector, so the server could not mount what lies on it"
        yield ConfigError(
            key, name, f"{rule}. Nodes with the card: {_names(cards)}. Use one disk and card of one node."
        )


def _name_taken(new: NewVolume, expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    claim = f"{expected.volume.namespace}/{expected.volume.claim}"
    for other in seen.volumes:
        if other.name == new.pv and other.claim not in ("", claim):
            rule = f"A volume {new.pv} is there already, for the claim {other.claim}"
            yield ConfigError(f"{config.KEY}.volume.name", expected.volume.claim, f"{rule}. Write another name.")
    if expected.prune_mode != "report" and (others := list(_same_directory(expected, seen))):
        shared = ", ".join(f"{other.name} of the claim {other.claim}" for other in others)
        rule = f"Another stack's volume has the same directory ({shared}), and prune would remove its weights"
        yield ConfigError(
            f"{config.KEY}.prune.mode", expected.prune_mode, f"{rule}. Write report, or another directory."
        )


def _same_directory(expected: Expected, seen: Observed) -> Iterator[Volume]:
    new = expected.volume.new
    match new.source if new else None:
        case NfsSource(server=server, path=path):
            source = server, path
        case LocalSource(path=path, node=node):
            source = path, node
        case None:
            return
    for other in filter(_is_ours, seen.volumes):
        if other.source == source and new and other.name != new.pv:
            yield other


def _is_ours(volume: Volume) -> bool:
    """Whether a stack, this one or another, uses it; one whose claim is gone is no longer Bound."""
    return volume.phase == "Bound" and volume.labels.get("app.kubernetes.io/part-of") == "local-llm"


def _names(nodes: Iterable[Node]) -> str:
    return ", ".join(sorted(node.name for node in nodes)[:_NAMED]) or "none"
