"""The volume, server, pruning and tenant's TTL of a stack's configuration, with their defaults."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from plan.base.frozen import Frozen
from plan.base.names import Name


def _pinned(image: str) -> str:
    if not re.fullmatch(r"[\w.:/-]+@sha256:[0-9a-f]{64}", image):
        raise ValueError("an image is pinned by digest, because a moving tag changes what runs without a review")
    return image


def _safe_mount_option(option: str) -> str:
    if option in _UNSAFE_MOUNT_OPTIONS:
        raise ValueError(f"{option} {_UNSAFE_MOUNT_OPTIONS[option]}")
    return option


_GIVES_UP = "turns a pause of the NFS server into EIO for a fetcher and SIGBUS for whoever has a file mapped; use hard"
_UNSAFE_MOUNT_OPTIONS = {
    **dict.fromkeys(("soft", "softerr", "softreval"), _GIVES_UP),
    "nocto": "hides READY.json from other nodes, which rely on close-to-open consistency",
}
MountOption = Annotated[str, Field(pattern=r"^[^\s,]+$"), AfterValidator(_safe_mount_option)]
Image = Annotated[str, AfterValidator(_pinned)]
AbsolutePath = Annotated[str, Field(pattern=r"^/[^\s]*$")]
Tokens = Annotated[int, Field(gt=0)]
IdleSeconds = Annotated[int, Field(ge=1, description="Unload a model after this many idle seconds")]


class Cluster(Frozen):
    """`id` is the uid of the namespace kube-system: a run against any other cluster is refused."""

    id: Annotated[
        str,
        Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="uid of the namespace kube-system"),
    ]


class Nfs(Frozen):
    """An NFS export, mounted through the CSI driver nfs.csi.k8s.io; `mount_options` replace all our own."""

    server: Annotated[str, Field(min_length=1, description="Address or name of the NFS server")]
    path: Annotated[AbsolutePath, Field(description="The exported directory")]
    mount_options: Annotated[
        Annotated[tuple[MountOption, ...], Field(strict=False)] | None,
        Field(description="Options as nfs(5) has them, in place of ours"),
    ] = None


class Local(Frozen):
    """A directory on one node; every pod that mounts it is scheduled there."""

    path: Annotated[AbsolutePath, Field(description="A directory that exists and belongs to server.uid and server.gid")]
    node: Annotated[str, Field(min_length=1, description="The node that has it, by its name in the cluster")]


class Volume(Frozen):
    """Where the models live: an NFS export, a node's directory, or a claim that exists already and stays untouched."""

    name: Annotated[Name, Field(description="Name of the claim; the volume's has the namespace before it")]
    size_gib: Annotated[
        Annotated[int, Field(gt=0)] | None,
        Field(description="Size of the volume, with nfs or local; the locked files have to fit"),
    ] = None
    nfs: Annotated[Nfs | None, Field(description="An NFS export")] = None
    local: Annotated[Local | None, Field(description="A directory of one node")] = None
    existing_claim: Annotated[
        bool, Field(description="The claim `name` exists already: it is mounted, and nothing is created")
    ] = False
    fs_group: Annotated[
        bool,
        Field(description="The kubelet gives the volume to server.gid where its driver can: for one that root owns"),
    ] = False
    read_mib_s: Annotated[int, Field(gt=0, description="Slowest rate at which the server reads weights, MiB/s")] = 60

    @model_validator(mode="after")
    def _one_home(self) -> Self:
        homes = [self.nfs is not None, self.local is not None, self.existing_claim]
        if sum(homes) != 1:
            raise ValueError("a volume has exactly one of nfs, local and existing_claim: true")
        if self.existing_claim == (self.size_gib is not None):
            raise ValueError("size_gib goes with nfs and local, and with nothing else")
        return self


class Server(Frozen):
    """The process that answers: llama-swap, or llama.cpp's own router."""

    engine: Annotated[
        Literal["llama-swap", "llama-server"],
        Field(description="The program that answers: llama-swap, or llama.cpp's own router"),
    ] = "llama-swap"
    image: Annotated[
        Image,
        Field(description="Image with that program and llama-server, by digest; its tag names llama.cpp's build"),
    ]
    uid: Annotated[int, Field(gt=0, description="User of every pod, to whom the models' directory belongs")] = 65532
    gid: Annotated[int, Field(gt=0, description="Group of every pod")] = 65532
    ttl_s: IdleSeconds = 600
    image_max_tokens: Annotated[Tokens, Field(description="Largest image a vision model sees; larger are shrunk")] = (
        1024
    )
    priority_class: Annotated[Name | None, Field(description="An existing PriorityClass of the server's pod")] = None
    rollout_s: Annotated[int, Field(ge=10, description="A rollout not ready by then has failed")] = 1800
    memory_request_mib: Annotated[
        int, Field(gt=0, description="Host memory that the scheduler keeps for the server")
    ] = 2048
    memory_limit_mib: Annotated[int, Field(gt=0, description="Host memory that the server may take")] = 12288


class Prune(Frozen):
    """What happens to weights that no model names any more, when a Job looks for them, and how long they are kept."""

    mode: Annotated[
        Literal["report", "trash", "delete"],
        Field(description="report: only tell; trash: set aside what is due; delete: remove it after grace_h more"),
    ] = "report"
    schedule: Annotated[str, Field(pattern=r"^(\S+ ){4}\S+$", description="As crontab(5) has it, in UTC")] = (
        "17 4 * * *"
    )
    grace_h: Annotated[
        int, Field(ge=1, description="Hours for which weights have to be unused before anything happens to them")
    ] = 24


class Immich(Frozen):
    """The tenant whose model TTL we set on a Deployment that someone else owns; `model_ttl_s` in seconds."""

    namespace: Annotated[Name, Field(description="Where the Deployment is")]
    deployment: Annotated[Name, Field(description="Name of the Deployment of immich's machine learning")]
    container: Annotated[Name | None, Field(description="Its container; defaults to the Deployment's name")] = None
    model_ttl_s: Annotated[
        int, Field(ge=1, le=86400, description="Idle seconds after which it unloads a model; 0, never, is refused")
    ]
