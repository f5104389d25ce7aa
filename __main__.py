"""The program: load, plan, build, export."""
# ruff: noqa: E402 - the imports are half of a preview, so what makes them faster comes first

from components.common import runtime
from observe import kubectl

question = kubectl.start()
runtime.lighten()

import datetime
import json
import os
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
from observe import stack_files
from plan import config
from plan.base.errors import ConfigError, FixableError
from plan.card.immich_ttl import TtlPatch
from plan.config.places import with_lines
from plan.config.stack_file import file_name
from plan.models import lock
from plan.plan import Plan, make_plan
from plan.text.show import lines
from plan.verdict.notes import TOLD, untold

HERE = Path(__file__).parent


def load() -> Plan:
    stack, file = config.load(pulumi.Config().get("stack")), HERE / "models.lock.yaml"
    locked = lock.load(file.read_bytes() if file.exists() else b"")
    today = datetime.date.today()  # noqa: DTZ011 - the operator's day
    return make_plan(stack, locked, today, stack_files.templates(stack, HERE))


def scripts(archive: str, namespace: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The ConfigMap with the programs of one kind of pod."""
    content = (HERE / "pods" / "archives" / f"{archive}.pyz").read_bytes()
    return pod.scripts(archive, namespace, content, opts).metadata.name


def build(plan: Plan, immich: TtlPatch | None) -> None:
    guard = ClusterGuard("cluster", ClusterGuardArgs(plan.cluster_id))
    here = pulumi.ResourceOptions(parent=guard)
    label_namespace("namespace", plan.namespace, here)
    volume = ModelsVolume("models", ModelsVolumeArgs(plan.volume), here)
    # Until 2026.11 one ConfigMap had all programs. This one takes its place in the state, so nothing is only deleted.
    heir = pulumi.ResourceOptions(parent=guard, aliases=[pulumi.Alias(name="pods-scripts")])
    fetcher = scripts("fetch", plan.namespace, heir)
    first: list[pulumi.Resource] = [
        ModelFetch(fetch.job, ModelFetchArgs(fetch, plan.fetches, volume.claim_name, fetcher), here)
        for fetch in plan.fetches.jobs
    ]
    if plan.advertisers:
        advertiser = scripts("advertiser", plan.namespace, here)
        first += [GpuMemory("gpu-memory", GpuMemoryArgs(it, advertiser), here) for it in plan.advertisers]
    beside = scripts("server", plan.namespace, here)
    server = LlamaSwap("llama-swap", LlamaSwapArgs(plan.server, volume.claim_name, beside, first), here)
    pruner = scripts("prune", plan.namespace, here)
    WeightsPrune("prune", WeightsPruneArgs(plan.prune, plan.fetches, volume.claim_name, pruner, server.rollout), here)
    if immich:
        ImmichTtl("immich", ImmichTtlArgs(immich), here)


try:
    the_plan = load()
    look = kubectl.judged(question, the_plan.expected)
except (ConfigError, FixableError) as error:
    written = HERE / file_name(pulumi.get_stack())
    given = pulumi.Config().get("stack") or ""
    told = with_lines(error, Path(written.name), written.read_bytes, lambda: json.loads(given))
    raise pulumi.RunError(str(told)) from error  # shown as its text alone, without a traceback
build(the_plan, look.immich)
if new := untold(map(lines, (*the_plan.notes, *look.notes)), os.environ.get(TOLD, "")):
    pulumi.log.info("\n".join(new))
pulumi.export("contract", the_plan.contract)
pulumi.export("litellm", the_plan.litellm)
