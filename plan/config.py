"""The stack's configuration: one structured key, frozen, unknown keys refused, defaults here and nowhere else."""

import json
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from plan.errors import ConfigError
from plan.names import ModelId, Name

KEY = "local-llm:stack"
# Keys that `make` renders from the machine at hand when a committed stack file leaves them out.
MACHINE_FACTS = ("cluster", "image", "local")
_HINTS = {
    "cluster": "Write {id: <uid>}; `kubectl get namespace kube-system -o jsonpath={.metadata.uid}` prints the uid.",
    "image": "Pin it as name@sha256:<64 hex>; `make up` renders it for the embedded cluster.",
    "context": "Say how many tokens: left out, llama.cpp shrinks the context to whatever memory it finds.",
    "model_ttl_s": "0 means never unload, which is how the card was filled for five hours.",
}


def _pinned(image: str) -> str:
    if not re.fullmatch(r"[\w.:/-]+@sha256:[0-9a-f]{64}", image):
        raise ValueError("an image is pinned by digest, because a moving tag changes what runs without a review")
    return image


def _not_yaml_boolean(value: object) -> object:
    return {False: "off", True: "on"}.get(value, value) if isinstance(value, bool) else value


Image = Annotated[str, AfterValidator(_pinned)]
AbsolutePath = Annotated[str, Field(pattern=r"^/[^\s]*$")]
# YAML 1.1 readers turn an unquoted `off` into a boolean.
Reasoning = Annotated[Literal["off", "on", "auto"], BeforeValidator(_not_yaml_boolean)]
Tokens = Annotated[int, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Cluster(_Frozen):
    """`id` is the uid of the namespace kube-system: a run against any other cluster is refused."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Nfs(_Frozen):
    """An NFS export, mounted through the CSI driver nfs.csi.k8s.io."""

    server: Annotated[str, Field(min_length=1)]
    path: AbsolutePath


class Local(_Frozen):
    """A directory on one node; every pod that mounts it is scheduled there."""

    path: AbsolutePath
    node: Annotated[str, Field(min_length=1)]


class Volume(_Frozen):
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


class Slice(_Frozen):
    """The extended resource by which pods share the card; `count` whole units."""

    resource: str = "nvidia.com/gpu"
    count: Annotated[int, Field(gt=0)] = 1


class Toleration(_Frozen):
    key: str
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"


class Node(_Frozen):
    """Which node has the card."""

    selector: dict[str, str] = {}
    tolerations: Annotated[tuple[Toleration, ...], Field(strict=False)] = ()


class Gpu(_Frozen):
    """`model: none` means that the slice is advertised but no card is behind it: all layers stay on the CPU."""

    model: Literal["t4", "none"]
    slice: Slice = Slice()
    node: Node = Node()


class Server(_Frozen):
    """The process that answers: llama-swap, or llama.cpp's own router."""

    engine: Literal["llama-swap", "llama-server"] = "llama-swap"
    image: Image
    uid: Annotated[int, Field(gt=0)] = 65532
    gid: Annotated[int, Field(gt=0)] = 65532
    ttl_s: Annotated[int, Field(ge=1, description="Unload a model after this many idle seconds")] = 600
    rollout_s: Annotated[int, Field(ge=10, description="A rollout not ready by then has failed")] = 1800
    memory_request_mib: Annotated[int, Field(gt=0)] = 2048
    memory_limit_mib: Annotated[int, Field(gt=0)] = 12288


class Fetch(_Frozen):
    """How the locked files are downloaded. `image` has Python 3.11 or newer and runs the gate too."""

    image: Image
    endpoint: Annotated[str, Field(pattern=r"^https?://[^/\s@]+$")] = "https://huggingface.co"


class Model(_Frozen):
    """One model: where it comes from and how it is served. `context` in tokens."""

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    quant: Annotated[str, Field(min_length=1)]
    context: Tokens
    revision: Annotated[str, Field(min_length=1)] = "main"
    mmproj: Annotated[str, Field(min_length=1)] | None = None
    # Thinking by default once cost a text consumer empty answers and 50 times the tokens.
    reasoning: Reasoning = "off"
    tools: bool = True
    aliases: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    max_output_tokens: Tokens | None = None


class Immich(_Frozen):
    """The tenant whose model TTL we set on a Deployment that someone else owns; `model_ttl_s` in seconds."""

    namespace: Name
    deployment: Name
    container: Name | None = None  # the Deployment's name unless said
    model_ttl_s: Annotated[int, Field(ge=1, le=86400)]


class Stack(_Frozen):
    """Everything a person decides about one stack."""

    namespace: Name
    cluster: Cluster
    volume: Volume
    gpu: Gpu
    server: Server
    fetch: Fetch
    models: Annotated[dict[ModelId, Model], Field(min_length=1)]
    immich: Immich | None = None

    @model_validator(mode="after")
    def _one_meaning_per_name(self) -> Self:
        names = [*self.models, *(alias for model in self.models.values() for alias in model.aliases)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"an id or alias stands for one model; used twice: {', '.join(twice)}")
        return self


def parse(raw: object) -> Stack:
    """The validated configuration; raises ConfigError with every key that cannot be used."""
    try:
        return Stack.model_validate(raw)
    except ValidationError as error:
        raise ConfigError.from_pydantic(KEY, error, _HINTS) from None


def json_schema() -> str:
    """JSON Schema (2020-12) of a whole Pulumi.<stack>.yaml, for editors; byte-stable."""
    schema = Stack.model_json_schema()
    definitions = schema.pop("$defs")
    for part in (schema, *definitions.values()):
        part["required"] = [key for key in part.get("required", []) if key not in MACHINE_FACTS]
    config = {"type": "object", "properties": {KEY: schema}, "required": [KEY]}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack configuration of local-llm",
        "type": "object",
        "properties": {"config": config, "encryptionsalt": {"type": "string"}},
        "required": ["config"],
        "$defs": definitions,
    }
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"
