"""llama-swap's configuration file as a model: every key version 250 reads, and no other.

Source: config-schema.json and proxy/config of mostlygeek/llama-swap v250. A key that is not here would be ignored or
refused by the binary, in the cluster, after the old pod is gone; so it is refused here.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from plan.base.frozen import Frozen

Seconds = Annotated[int, Field(ge=0)]


class Filters(Frozen):
    stripParams: str | None = None  # noqa: N815 - the file's spelling, here and below
    setParams: dict[str, Any] | None = None  # noqa: N815
    setParamsByID: dict[str, dict[str, Any]] | None = None  # noqa: N815


class Timeouts(Frozen):
    connect: Seconds | None = None
    keepalive: Seconds | None = None
    responseHeader: Seconds | None = None  # noqa: N815
    tlsHandshake: Seconds | None = None  # noqa: N815
    idleConn: Seconds | None = None  # noqa: N815


class Compat(Frozen):
    ignoreWebsockets: bool | None = None  # noqa: N815


# `in` is a keyword, hence the functional form; keys `in`, `out`: modalities, `context`: tokens.
Capabilities = dict[Literal["in", "out", "tools", "reranker", "context"], Any]


class ModelEntry(Frozen):
    """One model: the command that serves it and how requests reach it."""

    cmd: Annotated[str, Field(min_length=1)]
    cmdStop: str | None = None  # noqa: N815
    name: str | None = None
    description: str | None = None
    env: list[str] | None = None
    proxy: str | None = None
    aliases: list[str] | None = None
    checkEndpoint: str | None = None  # noqa: N815
    ttl: Annotated[int, Field(ge=-1)] | None = None
    unloadTimeout: Seconds | None = None  # noqa: N815
    useModelName: str | None = None  # noqa: N815
    filters: Filters | None = None
    metadata: dict[str, Any] | None = None
    concurrencyLimit: Annotated[int, Field(ge=0)] | None = None  # noqa: N815
    sendLoadingState: bool | None = None  # noqa: N815
    unlisted: bool | None = None
    timeouts: Timeouts | None = None
    compat: Compat | None = None
    capabilities: Capabilities | None = None
    macros: dict[str, Any] | None = None


class Selector(Frozen):
    strategy: Literal["warm", "pin", "spillover"]
    targets: Annotated[list[str], Field(min_length=1)]
    settings: dict[Literal["spillover"], Annotated[int, Field(ge=1)]] | None = None
    name: str | None = None
    description: str | None = None
    unlisted: bool | None = None
    metadata: dict[str, Any] | None = None


class Group(Frozen):
    """Models that take turns (`swap`); `exclusive` unloads other groups, `persistent` keeps them from unloading it."""

    members: Annotated[list[str], Field(min_length=1)]
    swap: bool | None = None
    exclusive: bool | None = None
    persistent: bool | None = None


class Performance(Frozen):
    disabled: bool | None = None
    every: Annotated[str, Field(pattern=r"^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$")] | None = None


class Profile(Frozen):
    description: Annotated[str, Field(max_length=1024)] | None = None
    pins: Annotated[dict[str, str | None], Field(min_length=1)]


class Scheduler(Frozen):
    use: Literal["fifo"] | None = None
    settings: dict[str, Any] | None = None


class Router(Frozen):
    use: Literal["group", "matrix"] | None = None
    settings: dict[str, Any] | None = None


class Routing(Frozen):
    scheduler: Scheduler | None = None
    router: Router | None = None


class Peer(Frozen):
    proxy: str
    models: list[str]
    apiKey: str | None = None  # noqa: N815
    filters: Filters | None = None
    timeouts: Timeouts | None = None


class Config(Frozen):
    """The whole file."""

    models: Annotated[dict[str, ModelEntry], Field(min_length=1)]
    healthCheckTimeout: Annotated[int, Field(ge=15)] | None = None  # noqa: N815
    globalTTL: Seconds | None = None  # noqa: N815
    unloadTimeout: Seconds | None = None  # noqa: N815
    logLevel: Literal["debug", "info", "warn", "error"] | None = None  # noqa: N815
    logTimeFormat: str | None = None  # noqa: N815
    logToStdout: Literal["proxy", "upstream", "both", "none"] | None = None  # noqa: N815
    metricsMaxInMemory: Annotated[int, Field(ge=0)] | None = None  # noqa: N815
    captureBuffer: Annotated[int, Field(ge=0)] | None = None  # noqa: N815
    store: dict[Literal["path"], str] | None = None
    ui: dict[Literal["activity"], dict[Literal["session_id"], list[str]]] | None = None
    performance: Performance | None = None
    startPort: Annotated[int, Field(gt=0, lt=65536)] | None = None  # noqa: N815
    sendLoadingState: bool | None = None  # noqa: N815
    includeAliasesInList: bool | None = None  # noqa: N815
    macros: dict[str, Any] | None = None
    profiles: dict[str, Profile] | None = None
    selectors: dict[str, Selector] | None = None
    groups: dict[str, Group] | None = None
    matrix: dict[str, Any] | None = None
    hooks: dict[Literal["on_startup"], dict[Literal["preload"], list[str]]] | None = None
    apiKeys: list[str] | None = None  # noqa: N815
    peers: dict[str, Peer] | None = None
    upstream: dict[Literal["ignorePaths"], list[str]] | None = None
    routing: dict[Literal["scheduler", "router"], dict[Literal["use"], Literal["fifo", "group", "matrix"]]] | None = (
        None
    )
