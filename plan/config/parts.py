"""The parts of a stack's configuration: frozen, unknown keys refused, defaults here and nowhere else."""

import math
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from plan.base.frozen import Frozen
from plan.base.names import ModelId, Name
from plan.config.measured import Measured


def _pinned(image: str) -> str:
    if not re.fullmatch(r"[\w.:/-]+@sha256:[0-9a-f]{64}", image):
        raise ValueError("an image is pinned by digest, because a moving tag changes what runs without a review")
    return image


def _not_yaml_boolean(value: object) -> object:
    return {False: "off", True: "on"}.get(value, value) if isinstance(value, bool) else value


def _safe_mount_option(option: str) -> str:
    if option in _UNSAFE_MOUNT_OPTIONS:
        raise ValueError(f"{option} {_UNSAFE_MOUNT_OPTIONS[option]}")
    return option


def _scalar(value: object) -> object:
    if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("a flag has a text, a number or true")
    return value


_GIVES_UP = "turns a pause of the NFS server into EIO for a fetcher and SIGBUS for whoever has a file mapped; use hard"
_UNSAFE_MOUNT_OPTIONS = {
    **dict.fromkeys(("soft", "softerr", "softreval"), _GIVES_UP),
    "nocto": "hides READY.json from other nodes, which rely on close-to-open consistency",
}
MountOption = Annotated[str, Field(pattern=r"^[^\s,]+$"), AfterValidator(_safe_mount_option)]
Image = Annotated[str, AfterValidator(_pinned)]
AbsolutePath = Annotated[str, Field(pattern=r"^/[^\s]*$")]
# YAML 1.1 readers turn an unquoted `off` into a boolean.
Reasoning = Annotated[Literal["off", "on", "auto"], BeforeValidator(_not_yaml_boolean)]
Tokens = Annotated[int, Field(gt=0)]
# Validated by hand: a union's members would each add a line to the error.
ArgValue = Annotated[
    bool | int | float | str, PlainValidator(_scalar, json_schema_input_type=Literal[True] | int | float | str)
]
DEFAULT_UBATCH = 512  # llama-server's own
DEFAULT_GROUP = "gpu0"
IdleSeconds = Annotated[int, Field(ge=1, description="Unload a model after this many idle seconds")]


class Cluster(Frozen):
    """`id` is the uid of the namespace kube-system: a run against any other cluster is refused."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Nfs(Frozen):
    """An NFS export, mounted through the CSI driver nfs.csi.k8s.io; `mount_options` replace all our own."""

    server: Annotated[str, Field(min_length=1)]
    path: AbsolutePath
    mount_options: Annotated[tuple[MountOption, ...], Field(strict=False)] | None = None


class Local(Frozen):
    """A directory on one node; every pod that mounts it is scheduled there."""

    path: AbsolutePath
    node: Annotated[str, Field(min_length=1)]


class Volume(Frozen):
    """Where the models live: an NFS export, a node's directory, or a claim that exists already and stays untouched."""

    name: Name
    size_gib: Annotated[int, Field(gt=0)] | None = None
    nfs: Nfs | None = None
    local: Local | None = None
    existing_claim: bool = False
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

    engine: Literal["llama-swap", "llama-server"] = "llama-swap"
    image: Image
    uid: Annotated[int, Field(gt=0)] = 65532
    gid: Annotated[int, Field(gt=0)] = 65532
    ttl_s: IdleSeconds = 600
    image_max_tokens: Annotated[Tokens, Field(description="Largest image a vision model sees; larger are shrunk")] = (
        1024
    )
    priority_class: Annotated[Name | None, Field(description="An existing PriorityClass of the server's pod")] = None
    rollout_s: Annotated[int, Field(ge=10, description="A rollout not ready by then has failed")] = 1800
    memory_request_mib: Annotated[int, Field(gt=0)] = 2048
    memory_limit_mib: Annotated[int, Field(gt=0)] = 12288


class SecretKey(Frozen):
    """An entry of a Secret that exists in the stack's namespace; never its content."""

    name: Name
    key: Annotated[str, Field(pattern=r"^[\w.-]+$")]


class Fetch(Frozen):
    """How the locked files are downloaded. `image` has Python 3.11 or newer and runs the gate too."""

    image: Image
    endpoint: Annotated[str, Field(pattern=r"^https?://[^/\s@]+$")] = "https://huggingface.co"
    deadline_s: Annotated[int, Field(ge=10, description="A Job not complete by then has failed")] | None = None
    verify: Annotated[
        Literal["receipt", "always"],
        Field(description="always: a Job hashes again what is there; a change runs the Jobs"),
    ] = "receipt"
    slots: Annotated[int, Field(ge=0, description="How many models download at a time; 0: any number")] = 2
    token_secret: Annotated[SecretKey | None, Field(description="Where the hub's token for gated models lies")] = None


class ExpectedAnswer(Frozen):
    """A prompt and a text that the answer contains, case aside; a base model continues the prompt."""

    prompt: Annotated[str, Field(min_length=1)]
    expect: Annotated[str, Field(min_length=1)]


def total_tokens(request_tokens: int, parallel: int) -> int:
    """Tokens of all slots together: llama-server divides its context among them, and each takes one request."""
    return request_tokens * parallel


class Model(Frozen):
    """One model: where it comes from and how it is served."""

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    quant: Annotated[str, Field(min_length=1)]
    request_tokens: Tokens = Field(alias="context", description="Tokens that one request may use")
    revision: Annotated[str, Field(min_length=1)] = "main"
    mmproj: Annotated[str, Field(min_length=1)] | None = None
    # Thinking by default once cost a text consumer empty answers and 50 times the tokens.
    reasoning: Reasoning = "off"
    tools: bool = True
    aliases: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    max_output_tokens: Tokens | None = None
    kv_type: Annotated[
        Literal["f16", "q8_0", "q4_0"],
        Field(description="Number format of the KV cache; all but f16 are slow on old cards"),
    ] = "f16"
    parallel: Annotated[int, Field(gt=0, description="Requests at a time, each with all of `context`")] = 1
    ubatch: Annotated[Tokens, Field(description="Tokens of a prompt computed at once")] = DEFAULT_UBATCH
    resident: Annotated[bool, Field(description="Loaded at the start and never unloaded, beside every other")] = False
    swap_group: Annotated[Name, Field(description="One model of a group is loaded at a time")] = DEFAULT_GROUP
    fallback: Annotated[ModelId | None, Field(description="The model that a gateway asks when this one fails")] = None
    measured: Annotated[tuple[Measured, ...], Field(strict=False)] = ()
    ttl_s: IdleSeconds | None = None  # defaults to `server.ttl_s`
    warm_priority: int = 0  # larger ones are read ahead first
    args: Annotated[
        dict[str, ArgValue], Field(description="llama-server's flags without a key of their own: {temp: 0.2}")
    ] = {}  # noqa: RUF012 - pydantic copies it
    verify: Annotated[
        ExpectedAnswer | None, Field(description="What `ops verify` asks first, instead of its own question")
    ] = None

    @property
    def total_tokens(self) -> int:
        return total_tokens(self.request_tokens, self.parallel)


class Prune(Frozen):
    """What happens to weights that no model names any more, when a Job looks for them, and how long they are kept."""

    mode: Literal["report", "trash", "delete"] = "report"
    schedule: Annotated[str, Field(pattern=r"^(\S+ ){4}\S+$", description="As crontab(5) has it, in UTC")] = (
        "17 4 * * *"
    )
    grace_h: Annotated[int, Field(ge=1)] = 24


class Immich(Frozen):
    """The tenant whose model TTL we set on a Deployment that someone else owns; `model_ttl_s` in seconds."""

    namespace: Name
    deployment: Name
    container: Name | None = None  # defaults to the Deployment's name
    model_ttl_s: Annotated[int, Field(ge=1, le=86400)]
