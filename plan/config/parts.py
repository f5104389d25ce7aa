"""The volume, server, pruning and tenant's TTL of a stack's configuration, with their defaults."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plan.base.frozen import Frozen, example, wrong
from plan.base.text_rule import TextRule
from plan.config.model import VariableText
from plan.config.numbers import Deadline, Gib, IdleSeconds, Mib, NonRoot, Tokens
from plan.kubernetes.cron import Schedule
from plan.kubernetes.images import Image
from plan.kubernetes.names import (
    LABEL_MAX,
    AnnotationValue,
    ForeignLabelKey,
    LabelKey,
    LabelValue,
    Name,
    Subdomain,
    Variable,
    dns_label,
)
from plan.kubernetes.volumes import AbsolutePath, Host

_GIVES_UP = "turns a pause of the NFS server into EIO for a fetcher and SIGBUS for whoever has a file mapped; use hard"
_UNSAFE_MOUNT_OPTIONS = {
    **dict.fromkeys(("soft", "softerr", "softreval"), _GIVES_UP),
    "nocto": "hides READY.json from other nodes, which rely on close-to-open consistency",
}


def _safe_mount_option(option: str) -> None:
    if option in _UNSAFE_MOUNT_OPTIONS:
        raise ValueError(f"{option} {_UNSAFE_MOUNT_OPTIONS[option]}")


# mount(8) takes all options as one text, with commas between them.
MountOption = Annotated[
    str, TextRule(r"[!-+\--~]+", "a mount option is one word without commas, like nconnect=4", 256, _safe_mount_option)
]


# It is a word of llama-swap's command, of a shell's, and of a container's.
Program = Annotated[
    str, TextRule(r"(/[\w.+-]+)+", "the absolute path of a program, without spaces and signs that a shell reads", 256)
]


class Cluster(Frozen, json_schema_extra=example(id="11111111-2222-4333-8444-555555555555")):
    """`id` is the uid of the namespace kube-system: a run against any other cluster is refused."""

    id: Annotated[
        str,
        TextRule(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "a uid has 32 characters 0-9 and a-f in five groups, like 11111111-2222-4333-8444-555555555555",
            36,
        ),
        Field(description="uid of the namespace kube-system"),
    ]


class Nfs(Frozen, json_schema_extra=example(server="192.168.1.20", path="/srv/models")):
    """An NFS export, mounted through the CSI driver nfs.csi.k8s.io; `mount_options` replace all our own."""

    server: Annotated[Host, Field(description="Address or name of the NFS server")]
    path: Annotated[AbsolutePath, Field(description="The exported directory")]
    mount_options: Annotated[
        Annotated[tuple[MountOption, ...], Field(strict=False, max_length=64)] | None,
        Field(description="Options as nfs(5) has them, in place of ours", examples=[["nfsvers=4.2", "hard"]]),
    ] = None


class Local(Frozen, json_schema_extra=example(path="/srv/models", node="node1")):
    """A directory on one node; every pod that mounts it is scheduled there."""

    path: Annotated[AbsolutePath, Field(description="A directory that exists and belongs to server.uid and server.gid")]
    # The value of the node's label kubernetes.io/hostname, so it is no longer than a label's.
    node: Annotated[LabelValue, Field(min_length=1, description="The node that has it, by its name in the cluster")]


class Volume(Frozen, json_schema_extra=example(name="models", existing_claim=True)):
    """Where the models live: an NFS export, a node's directory, or a claim that exists already and stays untouched."""

    name: Annotated[Subdomain, Field(description="Name of the claim; the volume's has the namespace before it")]
    size_gib: Annotated[
        Gib | None,
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
    read_mib_s: Annotated[Mib, Field(description="Slowest rate at which the server reads weights, MiB/s")] = 60

    @model_validator(mode="after")
    def _one_home(self) -> Self:
        homes = {"nfs": self.nfs is not None, "local": self.local is not None, "existing_claim": self.existing_claim}
        named = [home for home, is_there in homes.items() if is_there]
        if len(named) != 1:
            rule = "a volume has exactly one of nfs, local and existing_claim: true"
            raise wrong(rule, f"{' and '.join(named)} together" if named else None, named[-1] if named else "nfs")
        if self.size_gib is None and not self.existing_claim:
            raise wrong("a volume with nfs or local needs size_gib", None, "size_gib")
        if self.size_gib is not None and self.existing_claim:
            raise wrong("a claim that exists has its own size: leave size_gib out", self.size_gib, "size_gib")
        if not self.existing_claim:
            try:
                dns_label(self.name)  # the volume is cluster-wide, and its name the namespace's, '-' and this
            except ValueError as error:
                raise wrong(str(error), self.name, "name") from None
        return self


class Server(Frozen, json_schema_extra=example(engine="llama-swap", ttl_s=600)):
    """The process that answers: llama-swap, or llama.cpp's own router."""

    engine: Annotated[
        Literal["llama-swap", "llama-server"],
        Field(description="The program that answers: llama-swap, or llama.cpp's own router"),
    ] = "llama-swap"
    image: Annotated[
        Image,
        Field(description="Image with that program and llama-server, by digest; its tag names llama.cpp's build"),
    ]
    binary: Annotated[Program, Field(description="Where the image has llama-server")] = "/app/llama-server"
    uid: Annotated[NonRoot, Field(description="User of every pod, to whom the models' directory belongs")] = 65532
    gid: Annotated[NonRoot, Field(description="Group of every pod")] = 65532
    ttl_s: IdleSeconds = 600
    image_max_tokens: Annotated[Tokens, Field(description="Largest image a vision model sees; larger are shrunk")] = (
        1024
    )
    priority_class: Annotated[Subdomain | None, Field(description="An existing PriorityClass of the server's pod")] = (
        None
    )
    env: Annotated[
        dict[Variable, VariableText],
        Field(description="Variables of the engine's processes", examples=[{"GGML_CUDA_GRAPH_OPT": "1"}]),
    ] = {}  # noqa: RUF012 - pydantic copies it
    pod_labels: Annotated[
        dict[ForeignLabelKey, LabelValue],
        Field(description="More labels of the server's pod", examples=[{"team": "ml"}]),
    ] = {}  # noqa: RUF012 - pydantic copies it
    pod_annotations: Annotated[
        dict[LabelKey, AnnotationValue],
        Field(description="Annotations of the server's pod", examples=[{"sidecar.istio.io/inject": "false"}]),
    ] = {}  # noqa: RUF012 - pydantic copies it
    rollout_s: Annotated[Deadline, Field(description="A rollout not ready by then has failed")] = 1800
    memory_request_mib: Annotated[Mib, Field(description="Host memory that the scheduler keeps for the server")] = 2048
    memory_limit_mib: Annotated[Mib, Field(description="Host memory that the server may take")] = 12288

    @model_validator(mode="after")
    def _request_within_limit(self) -> Self:
        if self.memory_request_mib > self.memory_limit_mib:
            rule = f"memory_request_mib {self.memory_request_mib} is more than memory_limit_mib {self.memory_limit_mib}"
            raise wrong(rule, self.memory_request_mib, "memory_request_mib")
        return self


class Prune(Frozen, json_schema_extra=example(mode="report", schedule="17 4 * * *")):
    """What happens to weights that no model names any more, when a Job looks for them, and how long they are kept."""

    mode: Annotated[
        Literal["report", "trash", "delete"],
        Field(description="report: only tell; trash: set aside what is due; delete: remove it after grace_h more"),
    ] = "report"
    schedule: Annotated[Schedule, Field(description="As crontab(5) has it, in UTC")] = "17 4 * * *"
    grace_h: Annotated[
        # Ten years; whoever wants them kept for good leaves `mode: report`.
        int,
        Field(ge=1, le=87600, description="Hours for which weights have to be unused before anything happens to them"),
    ] = 24


class Immich(
    Frozen, json_schema_extra=example(namespace="immich", deployment="immich-machine-learning", model_ttl_s=600)
):
    """The tenant whose model TTL we set on a workload that someone else owns; `model_ttl_s` in seconds."""

    namespace: Annotated[Name, Field(description="Where the Deployment is")]
    deployment: Annotated[Subdomain, Field(description="Name of the Deployment of immich's machine learning")]
    kind: Annotated[
        Literal["Deployment", "StatefulSet"], Field(description="What `deployment` names, where it is no Deployment")
    ] = "Deployment"
    container: Annotated[Name | None, Field(description="Its container; defaults to the Deployment's name")] = None
    model_ttl_s: Annotated[
        int, Field(ge=1, le=86400, description="Idle seconds after which it unloads a model; 0, never, is refused")
    ]

    @model_validator(mode="after")
    def _names_a_container(self) -> Self:
        if self.container is None and ("." in self.deployment or len(self.deployment) > LABEL_MAX):
            rule = f"its container cannot have the {self.kind}'s name, which is no DNS label: write `container`"
            raise wrong(rule, None, "container")
        return self
