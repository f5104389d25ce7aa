"""The program: load, plan, build, export."""
# ruff: noqa: E402 - the imports are half of a preview, so what makes them faster comes first

from components.common import runtime
from observe import kubectl

question = kubectl.start()
runtime.lighten()

import datetime
from pathlib import Path

import pulumi

from components.card.gpu_memory import GpuMemory, GpuMemoryArgs
from components.card.immich_ttl import ImmichTtl, ImmichTtlArgs
from components.cluster.cluster_guard import ClusterGuard, ClusterGuardArgs
from components.cluster.namespace import label_namespace
from components.common import pod
from components.server.llama_swap import LlamaSwap, LlamaSwapArgs
from components.weights.model_fetch import ModelFetch, ModelFetchArgs
from components.weights.models_volume import ModelsVolume, ModelsVolumeArgs
from components.weights.weights_prune import WeightsPrune, WeightsPruneArgs
from plan import config
from plan.base.errors import ConfigError
from plan.models import lock
from plan.plan import Plan, make_plan

HERE = Path(__file__).parent


def load() -> Plan:
    stack = config.parse(pulumi.Config().get_object("stack"))
    return make_plan(stack, lock.load((HERE / "models.lock.yaml").read_text()), datetime.date.today())  # noqa: DTZ011


def build(plan: Plan) -> None:
    guard = ClusterGuard("cluster", ClusterGuardArgs(plan.cluster_id))
    here = pulumi.ResourceOptions(parent=guard)
    label_namespace("namespace", plan.namespace, here)
    scripts = pod.scripts("pods", plan.namespace, (HERE / "pods.pyz").read_bytes(), here).metadata.name
    volume = ModelsVolume("models", ModelsVolumeArgs(plan.volume), here)
    fetches = [
        ModelFetch(fetch.job, ModelFetchArgs(fetch, plan.fetches, volume.claim_name, scripts), here)
        for fetch in plan.fetches.jobs
    ]
    offered = [GpuMemory("gpu-memory", GpuMemoryArgs(it, scripts), here) for it in plan.advertisers]
    first = [*fetches, *offered]
    server = LlamaSwap("llama-swap", LlamaSwapArgs(plan.server, volume.claim_name, scripts, first), here)
    WeightsPrune("prune", WeightsPruneArgs(plan.prune, plan.fetches, volume.claim_name, scripts, server.rollout), here)
    if plan.immich:
        ImmichTtl("immich", ImmichTtlArgs(plan.immich), here)


try:
    the_plan = load()
    notes = (*the_plan.notes, *kubectl.notes(question, the_plan.tenancy))
except ConfigError as error:
    raise pulumi.RunError(str(error)) from None  # shown as its text alone, without a traceback
build(the_plan)
if notes:
    pulumi.log.info("\n".join(notes))
pulumi.export("contract", the_plan.contract)
pulumi.export("litellm", the_plan.litellm)
