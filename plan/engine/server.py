"""The server's pod: which engine runs with which files, environment and limits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.base import names
from plan.base.quantity import mib_quantity
from plan.card.extended_resource import MemoryPlan
from plan.config.tolerations import PodToleration, tolerations
from plan.engine import llama_server, llama_swap
from plan.engine.flags import Served, flags
from plan.engine.preflight import BuildNeed, PreflightPlan, plan_preflight
from plan.models.engine_builds import image_build, minimum_build, needs
from plan.models.lock import LockedModel
from plan.models.residency import require_engine_can, residents, swap_groups
from plan.weights import downloads
from plan.weights.warm import WARM_FILE, WarmPlan

CONFIG_DIR = "/etc/local-llm"
GATE_FILE = "gate.json"
# Beside the time the bytes take: process start, CUDA context, warm-up and the stop of the model before.
_LOAD_OVERHEAD_S = 120


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Everything about the Deployment that is a decision. Memory as a canonical quantity, times in seconds.

    `gpu_memory` is what the pod requests of the extended resource for it, by resource; at most one.
    """

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
    gpu_resource: str
    gpu_count: str
    gpu_memory: Mapping[str, str]
    node_selector: Mapping[str, str]
    tolerations: tuple[PodToleration, ...]
    memory_request: str
    memory_limit: str
    priority_class: str | None
    warm: WarmPlan | None
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
) -> ServerPlan:
    """Decide the pod; raises ConfigError for models that its engine cannot serve as they are configured."""
    require_engine_can(stack)
    served = {
        model_id: Served(
            flags=flags(model_id, model, locked[model_id], stack.gpu, stack.server.image_max_tokens),
            aliases=model.aliases,
            ttl_s=_ttl_s(model, stack.server),
        )
        for model_id, model in stack.models.items()
    }
    server = stack.server
    if server.engine == "llama-swap":
        engine, key_env = llama_swap, llama_swap.API_KEY_ENV
        text = llama_swap.render(served, load_s, swap_groups(stack.models), residents(stack.models))
    else:
        engine, key_env = llama_server, llama_server.API_KEY_ENV
        text = llama_server.render(served)
    # A fully offloaded model should not be mapped: over NFS that reads page by page, and a pause of the NFS server
    # becomes SIGBUS. The variable, because builds from b10884 refuse the old flag and older ones the new.
    env = {"HOME": "/tmp", "LLAMA_ARG_LOAD_MODE": "none"}  # noqa: S108 - an emptyDir of the pod's own
    return ServerPlan(
        name=names.SERVER,
        namespace=stack.namespace,
        image=server.image,
        gate_image=stack.fetch.image,
        command=engine.COMMAND,
        arguments=engine.arguments(CONFIG_DIR, names.SERVICE_PORT),
        files={
            engine.CONFIG_FILE: text,
            GATE_FILE: downloads.gate_manifest(locked),
            **({WARM_FILE: warm.manifest} if warm else {}),
        },
        env=env,
        api_key_env=key_env,
        uid=server.uid,
        gid=server.gid,
        gpu_resource=stack.gpu.slice.resource,
        gpu_count=str(stack.gpu.slice.count),
        gpu_memory={memory.resource: memory.request} if memory else {},
        node_selector=dict(stack.gpu.node.selector),
        tolerations=tolerations(stack.gpu.node),
        memory_request=mib_quantity(server.memory_request_mib),
        memory_limit=mib_quantity(server.memory_limit_mib),
        priority_class=server.priority_class,
        warm=warm,
        load_s=load_s,
        rollout_s=server.rollout_s,
        preflight=plan_preflight(
            server.image,
            _builds(server.image, locked),
            engine.LLAMA_SERVER,
            (engine.COMMAND, *engine.arguments(CONFIG_DIR, names.SERVICE_PORT, "127.0.0.1")),
            {model_id: model.flags for model_id, model in served.items()},
            {**env, key_env: "nobodys"},
            server.rollout_s,
        ),
    )


def _builds(image: str, locked: Mapping[str, LockedModel]) -> BuildNeed:
    least = {model_id: minimum_build(needs(model.gguf)) for model_id, model in sorted(locked.items())}
    whose = max(least, key=lambda model_id: least[model_id])
    return BuildNeed(tag=image_build(image), least=least[whose], whose=whose)


def _ttl_s(model: config.Model, server: config.Server) -> int:
    if model.resident:
        return 0
    return server.ttl_s if model.ttl_s is None else model.ttl_s
