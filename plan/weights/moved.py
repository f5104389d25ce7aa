"""Whether a stack file wants another volume than the state's PersistentVolume and claim.

These cannot become others: Kubernetes lets nobody change a volume's source, a claim's volume or the name of either.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from plan.config import KEY
from plan.weights.volume import LocalSource, NfsSource, VolumePlan

Object = dict[str, Any]
_CLAIM, _VOLUME = "kubernetes:core/v1:PersistentVolumeClaim", "kubernetes:core/v1:PersistentVolume"


@dataclass(frozen=True, slots=True)
class Moved:
    """The key that says so, what it says now, and what the volume is made of."""

    key: str
    now: str
    before: str


def moved(volume: VolumePlan, resources: Iterable[Object]) -> Moved | None:
    """The first difference between the plan and the volume of a state's `resources`; None without one."""
    before = _in_state(resources)
    for key, wanted in _in_plan(volume).items():
        if key in before and before[key] != wanted:
            return Moved(f"{KEY}.{key}", wanted, before[key])
    return None


def _in_plan(volume: VolumePlan) -> dict[str, str]:
    match volume.new.source if volume.new else None:
        case NfsSource() as nfs:
            source = _nfs(nfs.server, nfs.path)
        case LocalSource() as local:
            source = _local(local.path, local.node)
        case None:
            source = "a claim that exists already"
    return {"namespace": volume.namespace, "volume.name": volume.claim, "volume": source}


def _in_state(resources: Iterable[Object]) -> dict[str, str]:
    """What the state says, as far as it has the form that this stack writes; of another one nothing is said."""
    found = dict[str, str]()
    for resource in resources:
        match resource:
            case {"type": kind, "inputs": {"metadata": {"namespace": str(namespace), "name": str(name)}}} if (
                kind == _CLAIM
            ):
                found |= {"namespace": namespace, "volume.name": name}
            case {"type": kind, "inputs": {"spec": spec}} if kind == _VOLUME and (source := _source(spec)):
                found["volume"] = source
            case _:
                pass
    return found


def _source(spec: object) -> str | None:
    match spec:
        case {
            "local": {"path": str(path)},
            "nodeAffinity": {
                "required": {"nodeSelectorTerms": [{"matchExpressions": [{"values": [str(node)]}]}]},
            },
        }:
            return _local(path, node)
        case {"csi": {"volumeAttributes": {"server": str(server), "share": str(share)}}}:
            return _nfs(server, share)
        case _:
            return None


def _nfs(server: str, path: str) -> str:
    return f"{path} of the NFS server {server}"


def _local(path: str, node: str) -> str:
    return f"{path} of the node {node}"
