"""The contract: what a gateway needs to know, as one versioned JSON object.

Adding a field keeps the version; removing or renaming one bumps it.
"""

from collections.abc import Mapping
from typing import Literal, NotRequired, TypedDict

from plan import config
from plan.base import names
from plan.engine.engines import metrics_path
from plan.engine.llama_swap import API_KEY_ENV
from plan.models.abilities import calls_tools, mode, sees
from plan.models.lock import LockedModel
from plan.models.residency import RESIDENT

VERSION = 1
_CONCURRENCY_PER_MODEL = 10  # llama-swap's default
_QUEUE_S = 420  # how long a request may wait behind others before its model begins to load


class Auth(TypedDict):
    """Where the key is; never the key."""

    secretName: str
    namespace: str
    key: str
    env: str


class Limits(TypedDict):
    concurrencyPerModel: int
    coldLoadSecondsMax: int
    recommendedTimeoutSeconds: int
    retries: int


class ContractModel(TypedDict):
    """One model; `contextTokens` is what one request may use, `bytes` what lies on the volume.

    `outputLimit` says what the server does about `maxOutputTokens`: with "default" a request that names no limit ends
    there, with "none" it may go on until `contextTokens`. No engine cuts a request that names more; a gateway has to.
    llama-server takes --predict where a request says nothing (llama.cpp 0.5.0, tools/server/server-context.cpp,
    n_predict_max), and llama-swap's filters set a parameter or strip it, but compare none (v250).

    `remoteImages`: a request may name an image by its URL, and the server's pod fetches it (llama.cpp 0.5.0,
    tools/server/server-common.cpp handle_media); https only where the engine was built with TLS.

    `mode` is chat, embedding or rerank. One that does not chat has 0 `maxOutputTokens`, for it writes nothing; the
    vectors of one of mode embedding have `dimensions` numbers.

    `variants` are those of its aliases for which the server sets parameters of the request, and these. `concurrency`
    stands where a model has another than `limits` say. With `sharedContext` all requests at a time have `contextTokens`
    together, and when these are full each of them ends with HTTP 500. `listed` is
    false where the server's own list leaves it out.

    A request for a model unloads the others of its `swapGroup`, unless they are `resident`. `fallback` is the id of
    the model to ask when this one fails.
    """

    id: str
    aliases: list[str]
    displayName: NotRequired[str]
    description: NotRequired[str]
    mode: str
    vision: bool
    remoteImages: bool
    tools: bool
    reasoning: str
    dimensions: NotRequired[int]
    variants: NotRequired[dict[str, dict[str, object]]]
    concurrency: NotRequired[int]
    sharedContext: NotRequired[bool]
    listed: NotRequired[bool]
    contextTokens: int
    maxOutputTokens: int
    outputLimit: Literal["default", "none"]
    swapGroup: str
    resident: bool
    repo: str
    commit: str
    quant: str
    bytes: int
    fallback: str | None


class Contract(TypedDict):
    """`metrics` is None where no URL answers a scrape as it is."""

    contract: int
    endpoint: str
    health: str
    metrics: str | None
    auth: Auth
    limits: Limits
    models: list[ContractModel]


def build(stack: config.Stack, locked: Mapping[str, LockedModel], load_s: int) -> Contract:
    """The contract of a stack; `load_s` is the longest cold load in seconds."""
    scraped = metrics_path(stack.server)
    base = f"http://{names.SERVER}.{stack.namespace}.svc.cluster.local:{names.SERVICE_PORT}"
    return Contract(
        contract=VERSION,
        endpoint=f"{base}/v1",
        health=f"{base}{names.HEALTH_PATH}",
        metrics=f"{base}{scraped}" if scraped else None,
        auth=Auth(secretName=names.API_KEY_SECRET, namespace=stack.namespace, key=names.API_KEY_FIELD, env=API_KEY_ENV),
        # A retry of a failed load starts the load again, three times with common defaults; so: none.
        limits=Limits(
            concurrencyPerModel=_CONCURRENCY_PER_MODEL,
            coldLoadSecondsMax=load_s,
            recommendedTimeoutSeconds=_QUEUE_S + load_s,
            retries=0,
        ),
        models=[_model(model_id, model, locked[model_id]) for model_id, model in sorted(stack.models.items())],
    )


def _model(model_id: str, model: config.Model, locked: LockedModel) -> ContractModel:
    shape = locked.gguf.shape
    served = mode(model, shape)
    said = ContractModel(
        id=model_id,
        aliases=list(model.names),
        mode=served,
        vision=sees(locked),
        remoteImages=sees(locked),
        tools=calls_tools(locked, model) is not False,
        reasoning=model.reasoning,
        contextTokens=model.request_tokens,
        maxOutputTokens=model.promised_tokens if served == "chat" else 0,
        outputLimit="default" if model.max_output_tokens else "none",
        swapGroup=RESIDENT if model.resident else model.swap_group,
        resident=model.resident,
        repo=locked.repo,
        commit=locked.commit,
        quant=locked.quant,
        bytes=locked.size_bytes,
        fallback=model.fallback,
    )
    if model.display_name:
        said["displayName"] = model.display_name
    if model.description:
        said["description"] = model.description
    if model.variants:
        said["variants"] = {name: its.parameters for name, its in sorted(model.variants.items())}
    if model.requests:
        said["concurrency"] = model.requests
    if model.kv_unified and model.parallel > 1:
        said["sharedContext"] = True
    if not model.listed:
        said["listed"] = False
    if served == "embedding" and shape.embedding_length:
        said["dimensions"] = shape.embedding_length
    return said
