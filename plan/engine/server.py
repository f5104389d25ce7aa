"""The server's pod: which engine runs with which files, environment and limits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from plan import config
from plan.base import names
from plan.base.errors import ConfigError
from plan.base.pod_types import Resources
from plan.card.extended_resource import MemoryPlan
from plan.config.tolerations import PodToleration, tolerations
from plan.engine import environment, pod
from plan.engine.engines import Engine, configured_engine
from plan.engine.flags import CONFIG_DIR, Served, flags, template_file
from plan.engine.preflight import BuildNeed, PreflightPlan, plan_preflight
from plan.host.pod_limit import HostPlan
from plan.kubernetes.arguments import require_config_map
from plan.kubernetes.quantity import count_quantity, mib_quantity
from plan.models.engine_builds import image_build, least_build
from plan.models.lock import LockedModel
from plan.models.residency import require_engine_can
from plan.weights import downloads
from plan.weights.warm import WARM_FILE, WarmPlan

GATE_FILE = "gate.json"
# What a load needs beside the time to read the bytes: process start, CUDA context, warm-up, the stop of another model.
_LOAD_OVERHEAD_S = 120
_HOME = "/tmp"  # noqa: S108 - an emptyDir of the pod's own
# A fully offloaded model should not be mapped: over NFS that reads page by page, and a pause of the NFS server
# becomes SIGBUS. The variables, because builds from b10875 refuse the old flag (ggml-org/llama.cpp#28334) and older
# ones the new (ggml-org/llama.cpp#20834); a build ignores the variable that it does not know.
_NOT_MAPPED = {"LLAMA_ARG_LOAD_MODE": "none"}
_NOT_MAPPED_BEFORE = {"LLAMA_ARG_MMAP": "0"}
_LOAD_MODE_SINCE = 10524  # the oldest image of which that is known


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Everything about the Deployment that is a decision. Times in seconds; `warm` has at most one sidecar."""

    name: str
    namespace: str
    image: str
    gate_image: str
    command: str
    arguments: tuple[str, ...]
    files: Mapping[str, str]
    env: Mapping[str, str]
    api_key_env: str
    uid: int
    gid: int
    resources: Resources
    node_selector: Mapping[str, str]
    tolerations: tuple[PodToleration, ...]
    runtime_class: str | None
    priority_class: str | None
    pod_labels: Mapping[str, str]
    pod_annotations: Mapping[str, str]
    warm: tuple[WarmPlan, ...]
    load_s: int
    rollout_s: int
    preflight: PreflightPlan


def load_seconds(models: Mapping[str, LockedModel], read_mib_s: int) -> int:
    """Longest cold load: the largest model at the slowest declared rate, plus what a start costs."""
    largest_mib = max(model.size_bytes for model in models.values()) / 2**20
    return math.ceil(largest_mib / read_mib_s) + _LOAD_OVERHEAD_S


def plan_server(
    stack: config.Stack,
    locked: Mapping[str, LockedModel],
    load_s: int,
    warm: WarmPlan | None,
    memory: MemoryPlan | None,
    host: HostPlan,
    templates: Mapping[str, str],
) -> ServerPlan:
    """Decide the pod; raises ConfigError for models that its engine cannot serve as they are configured.

    `templates` are the texts of chat templates by their path.
    """
    require_engine_can(stack)
    served, server = _served(stack, locked, host), stack.server
    engine, env = configured_engine(stack, served, load_s), _env(stack)
    return ServerPlan(
        name=names.SERVER,
        namespace=stack.namespace,
        image=server.image,
        gate_image=stack.fetch.image,
        command=engine.command,
        arguments=engine.arguments(CONFIG_DIR, names.SERVICE_PORT),
        files=_files(engine, locked, warm, _templates(stack.models, templates)),
        env=env,
        api_key_env=engine.api_key_env,
        uid=server.uid,
        gid=server.gid,
        resources=_resources(stack, memory),
        node_selector=dict(stack.gpu.node.selector),
        tolerations=tolerations(stack.gpu.node),
        runtime_class=stack.gpu.node.runtime_class,
        priority_class=server.priority_class,
        pod_labels=server.pod_labels,
        pod_annotations=server.pod_annotations,
        warm=(warm,) if warm else (),
        load_s=load_s,
        rollout_s=server.rollout_s,
        preflight=_preflight(server, engine, served, _build_need(stack, locked), env),
    )


def _env(stack: config.Stack) -> dict[str, str]:
    build = image_build(stack.server.image)
    older = build is None or build < _LOAD_MODE_SINCE
    return {**environment.of_pod(stack), "HOME": _HOME, **_NOT_MAPPED, **(_NOT_MAPPED_BEFORE if older else {})}


def _served(stack: config.Stack, locked: Mapping[str, LockedModel], host: HostPlan) -> dict[str, Served]:
    return {
        model_id: Served(
            flags=flags(
                model_id,
                model,
                locked[model_id],
                stack.gpu,
                stack.server.image_max_tokens,
                host.prompts_mib[model_id],
            ),
            aliases=model.aliases,
            display_name=model.display_name,
            description=model.description,
            env=model.env,
            ttl_s=_ttl_s(model, stack.server),
            concurrency=model.requests,
            listed=model.listed,
            variants={name: variant.parameters for name, variant in sorted(model.variants.items())},
        )
        for model_id, model in stack.models.items()
    }


def _ttl_s(model: config.Model, server: config.Server) -> int:
    if model.resident:
        return 0
    return server.ttl_s if model.ttl_s is None else model.ttl_s


def _templates(models: Mapping[str, config.Model], texts: Mapping[str, str]) -> dict[str, str]:
    """Chat templates by their files' names in the pod; raises ConfigError for one that is missing or cannot be one."""
    found: dict[str, str] = {}
    for model_id, model in sorted(models.items()):
        if not (path := model.chat_template_file):
            continue
        key, text = f"{config.KEY}.models.{model_id}.chat_template_file", texts.get(path)
        if text is None:
            raise ConfigError(key, path, "No such file lies beside the stack file: put it there, or correct the path.")
        if "messages" not in text or "\0" in text:
            rule = "The file is no chat template, for it reads no messages: write one there, in Jinja."
            raise ConfigError(key, path, rule)
        if "chat-template" in model.args:
            raise ConfigError(key, path, "`chat-template` in its `args` is another one: keep one of them.")
        found[PurePosixPath(template_file(model_id)).name] = text
    return found


def _files(
    engine: Engine, locked: Mapping[str, LockedModel], warm: WarmPlan | None, templates: Mapping[str, str]
) -> dict[str, str]:
    files = {
        **templates,
        engine.config_file: engine.config,
        GATE_FILE: downloads.gate_manifest(locked),
        **({WARM_FILE: warm.manifest} if warm else {}),
    }
    require_config_map(
        files.values(), f"{config.KEY}.models", "Serve fewer models from one stack, or shorten their args and templates"
    )
    return files


def _resources(stack: config.Stack, memory: MemoryPlan | None) -> Resources:
    of_the_card = {stack.gpu.slice.resource: count_quantity(stack.gpu.slice.count)}
    return pod.engine(
        mib_quantity(stack.server.memory_request_mib),
        mib_quantity(stack.server.memory_limit_mib),
        of_the_card | ({memory.resource: memory.request} if memory else {}),
    )


def _preflight(
    server: config.Server,
    engine: Engine,
    served: Mapping[str, Served],
    need: BuildNeed,
    env: Mapping[str, str],
) -> PreflightPlan:
    return plan_preflight(
        server.image,
        need,
        engine.llama_server,
        (engine.command, *engine.arguments(CONFIG_DIR, names.SERVICE_PORT, "127.0.0.1")),
        {model_id: model.flags for model_id, model in served.items()},
        {**env, engine.api_key_env: "nobodys"},
        server.rollout_s,
    )


def _build_need(stack: config.Stack, locked: Mapping[str, LockedModel]) -> BuildNeed:
    least = {model_id: least_build(it.gguf, stack.models[model_id]) for model_id, it in sorted(locked.items())}
    whose = max(least, key=lambda model_id: least[model_id])
    return BuildNeed(tag=image_build(stack.server.image), least=least[whose], whose=whose)
