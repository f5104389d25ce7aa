"""`make_plan`: the one place where configuration and lock meet."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from plan import config
from plan.card.advertiser import AdvertiserPlan
from plan.card.extended_resource import MemoryPlan, plan_memory
from plan.card.fit import Fit, plan_fit
from plan.card.fit_table import fit_line, require_fit
from plan.card.tenants import window_notes
from plan.engine.server import ServerPlan, load_seconds, plan_server
from plan.gateway import contract, litellm
from plan.gateway.fallback import fallback_notes, require_fallbacks
from plan.host.pod_limit import plan_host_memory
from plan.live.expected import Expected, plan_expected
from plan.models.abilities import draft_notes, require_modes, shared_context_notes, tools_notes
from plan.models.agreement import locked_models
from plan.models.engine_builds import build_notes, require_builds
from plan.models.fact_gaps import notes
from plan.models.lock import Lock, LockedModel
from plan.models.thinking import thinking_notes
from plan.weights.downloads import FetchesPlan, plan_fetches
from plan.weights.prune import PrunePlan, plan_prune
from plan.weights.space import require_space, space_notes
from plan.weights.volume import VolumePlan, plan_volume
from plan.weights.warm import plan_warm


@dataclass(frozen=True, slots=True)
class Plan:
    """Every decision about one stack. Equal inputs give an equal plan. `notes` are sentences for the preview."""

    cluster_id: str
    namespace: str
    volume: VolumePlan
    fetches: FetchesPlan
    server: ServerPlan
    prune: PrunePlan
    gpu_memory: MemoryPlan | None
    expected: Expected
    contract: contract.Contract
    litellm: str
    fit: Fit | None
    notes: tuple[str, ...]

    @property
    def advertisers(self) -> tuple[AdvertiserPlan, ...]:
        """Pods that advertise GPU memory before the server's pod may request it: at most one."""
        advertiser = self.gpu_memory.advertiser if self.gpu_memory else None
        return (advertiser,) if advertiser else ()


def make_plan(
    stack: config.Stack, lock: Lock, today: datetime.date, templates: Mapping[str, str] = MappingProxyType({})
) -> Plan:
    """Decide everything, offline; raises ConfigError where configuration and lock do not fit.

    `today` ends maintenance windows: plan/ has no clock. `templates` are the texts of the chat templates that the stack
    names, by path: plan/ reads no files.
    """
    locked = locked_models(stack.models, lock)
    require_fallbacks(stack.models)
    require_modes(stack.models, locked)
    require_builds(stack, locked)
    fit = plan_fit(stack, locked, today)
    if fit:
        require_fit(fit, stack, locked)
    host = plan_host_memory(stack, locked)
    require_space(stack.volume, locked)
    warm, warm_notes = plan_warm(stack, locked)
    memory = plan_memory(stack, fit.server_mib if fit else None, fit.capacity_mib if fit else None, today)
    load_s = load_seconds(locked, stack.volume.read_mib_s)
    for_gateways = contract.build(stack, locked, load_s)
    return Plan(
        cluster_id=stack.cluster.id,
        namespace=stack.namespace,
        volume=plan_volume(stack.volume, stack.namespace),
        fetches=plan_fetches(stack, locked),
        server=plan_server(stack, locked, load_s, warm, memory, host, templates),
        prune=plan_prune(stack, locked),
        gpu_memory=memory,
        expected=plan_expected(stack, memory, today),
        contract=for_gateways,
        litellm=litellm.render(for_gateways),
        fit=fit,
        notes=(*_notes(stack, locked, fit, today), *host.notes, *warm_notes),
    )


def _notes(
    stack: config.Stack, locked: Mapping[str, LockedModel], fit: Fit | None, today: datetime.date
) -> tuple[str, ...]:
    return (
        *((fit_line(fit), *fit.card_notes, *fit.notes) if fit else ()),
        *window_notes(stack.gpu, today),
        *build_notes(stack, locked),
        *fallback_notes(stack.models),
        *notes(locked, stack.models),
        *tools_notes(locked, stack.models),
        *shared_context_notes(stack.models),
        *draft_notes(locked, stack.models),
        *thinking_notes(locked, stack.models),
        *space_notes(stack.volume, locked),
    )
