"""The volume: its claim, and where a model's files lie on it."""

from dataclasses import dataclass

from plan import config
from plan.base.names import slug
from plan.models.lock import LockedModel

MOUNT = "/models"
NFS_DRIVER = "nfs.csi.k8s.io"


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
    """The claim that every pod mounts; `new` is None where it exists already, and then its size is not known either.

    `read_mib_s` is the slowest rate at which the server reads weights.
    """

    claim: str
    namespace: str
    new: NewVolume | None
    size_gib: int | None
    read_mib_s: int


# What a fetcher and a server need of NFS (nfs(5)). They replace nfsvers=4,soft,timeo=30,retrans=3,actimeo=5:
_NFS_OPTIONS = (
    "nfsvers=4.1",  # not 4: sessions, so that a retried request is not executed twice, and a trunk for nconnect
    # Not soft: it gives up after 9 seconds of a busy server, with EIO for a fetcher and SIGBUS for whoever has mapped.
    "hard",
    "timeo=600",  # not 30: tenths of a second; over TCP a retransmission after 3 s only adds load to a slow server
    "retrans=2",  # not 3: with hard it only says after how many tries the kernel logs "not responding"
    "noatime",  # new: reading weights is no reason to write to the server
    "rsize=1048576",  # new: weights are read and written in megabytes, whatever the server would offer by default
    "wsize=1048576",
    "actimeo=5",  # kept: a gate sees another node's READY.json after seconds instead of a minute
)


def plan_volume(volume: config.Volume, namespace: str) -> VolumePlan:
    source = _source(volume)
    # A volume is cluster-scoped: two stacks in one cluster must not meet.
    new = NewVolume(f"{namespace}-{volume.name}", f"{volume.size_gib}Gi", source) if source else None
    return VolumePlan(volume.name, namespace, new, volume.size_gib, volume.read_mib_s)


def _source(volume: config.Volume) -> NfsSource | LocalSource | None:
    if volume.nfs:
        options = _NFS_OPTIONS if volume.nfs.mount_options is None else volume.nfs.mount_options
        return NfsSource(volume.nfs.server, volume.nfs.path, options)
    if volume.local:
        return LocalSource(volume.local.path, volume.local.node)
    return None


def generation_dir(model_id: str, model: LockedModel) -> str:
    """Directory of the links to one generation's files; the server's configuration names it."""
    return f"{MOUNT}/{slug(model_id)}/{model.gen}"


def file_path(model_id: str, model: LockedModel, role: str) -> str | None:
    """Path a server opens for `role`, the first part of a split GGUF; None when the model has no such file."""
    links = sorted(file.link for file in model.files if file.role == role)
    return f"{generation_dir(model_id, model)}/{links[0]}" if links else None
