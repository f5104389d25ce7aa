"""The volume: its claim, and where a model's files lie on it."""

from dataclasses import dataclass

from plan import config
from plan.lock import LockedModel

MOUNT = "/models"


@dataclass(frozen=True, slots=True)
class NfsSource:
    server: str
    path: str
    mount_options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LocalSource:
    path: str
    node: str


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A persistent volume and its claim that the stack creates; `capacity` is a canonical quantity."""

    pv: str
    capacity: str
    source: NfsSource | LocalSource


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """The claim that every pod mounts; nothing is `new` where it exists already."""

    claim: str
    namespace: str
    new: NewVolume | None


# What a fetcher and a memory-mapping server need of NFS; `soft` with a short timeout turns a pause of the server
# into EIO in the fetcher and SIGBUS in whoever has a file mapped (nfs(5)).
_NFS_OPTIONS = ("nfsvers=4.1", "hard", "timeo=600", "retrans=2", "noatime", "rsize=1048576", "wsize=1048576")


def plan_volume(volume: config.Volume, namespace: str) -> VolumePlan:
    source = _source(volume)
    # A volume is cluster-scoped: two stacks in one cluster must not meet.
    new = NewVolume(f"{namespace}-{volume.name}", f"{volume.size_gib}Gi", source) if source else None
    return VolumePlan(volume.name, namespace, new)


def _source(volume: config.Volume) -> NfsSource | LocalSource | None:
    if volume.nfs:
        return NfsSource(volume.nfs.server, volume.nfs.path, _NFS_OPTIONS)
    if volume.local:
        return LocalSource(volume.local.path, volume.local.node)
    return None


def generation_dir(model_id: str, model: LockedModel) -> str:
    """Directory of the links to one generation's files; the server's configuration names it."""
    return f"{MOUNT}/{model_id}/{model.gen}"


def file_path(model_id: str, model: LockedModel, role: str) -> str | None:
    """Path a server opens for `role`, the first part of a split GGUF; None when the model has no such file."""
    links = sorted(file.link for file in model.files if file.role == role)
    return f"{generation_dir(model_id, model)}/{links[0]}" if links else None
