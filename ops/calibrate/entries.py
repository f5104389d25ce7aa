"""Turns figures of Prometheus or nvidia-smi into entries of a stack: finds out which figure belongs to whom."""

import dataclasses
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.base.errors import OpsError
from ops.calibrate import plausible, prometheus
from ops.calibrate.nvidia_smi import Process
from ops.calibrate.plausible import Held
from ops.calibrate.prometheus import Peak, Series
from ops.stack.stack_edit import Step, Value
from plan import config
from plan.base import names
from plan.card.configured_card import card
from plan.config import KEY
from plan.config.measured import Measured
from plan.models.engine_builds import image_build
from plan.text.show import plain, words

SERVER = "llama-server"
# The letters in the random end of a pod's name; Kubernetes leaves vowels out, so that no words appear.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose figures are wanted: a model, and tenants, each with a pattern of its pods' or processes' names, or None."""

    model: str | None
    tenants: Mapping[str, str | None]
    build: int | None
    today: datetime.date


@dataclass(frozen=True, slots=True)
class MeasuredEntry:
    """One entry to write: its place, its value, and the MiB it had before, or None.

    `kept`: the old entry stays, because it was larger and one sample is not a peak.
    """

    path: tuple[Step, ...]
    value: Value
    was_mib: int | None
    kept: bool = False


def of_pods(stack: config.Stack, wanted: Wanted, series: Series) -> list[MeasuredEntry]:
    """Entries from tenants' peaks over some days; raises OpsError for a tenant without a pod."""
    if wanted.model:
        raise OpsError("a pod's peak does not say which model was loaded then", "measure a model with --nvidia-smi")
    found, entries = prometheus.peaks(series), list[MeasuredEntry]()
    now, held = (_held(stack, wanted, pods) for pods in (found.now, found.highest))
    if described := card(stack.gpu):
        plausible.require_pods(described, series, held, now)
    highest = held.mine
    for name in wanted.tenants or sorted(stack.gpu.tenants):
        if name in highest:
            entries.append(_of_tenant(stack, wanted, name, highest[name], f"{series.metric}, {series.days} days"))
        elif name in wanted.tenants:
            raise OpsError(
                f"{series.place} has no pod of {name}; it has {_listed(found.highest)}", _name_it(name, series.label)
            )
    if not entries:
        fix = _name_it("NAME", series.label)
        raise OpsError(f"{series.place} has no pod of any declared tenant; it has {_listed(found.highest)}", fix)
    return entries


def _held(stack: config.Stack, wanted: Wanted, found: Sequence[Peak]) -> Held:
    """The most that each declared tenant with pods held, and this stack's server; others may be on any card."""
    owners = {names.SERVER: (None, f"{stack.namespace}/{names.SERVER}")} | {
        name: (wanted.tenants.get(name), tenant.workload) for name, tenant in stack.gpu.tenants.items()
    }
    mine = {name: [peak for peak in found if _is_of(peak, name, *rule)] for name, rule in owners.items()}
    known = {peak for pods in mine.values() for peak in pods}
    others = {f"{peak.namespace}/{peak.pod}".lstrip("/"): peak.mib for peak in found if peak not in known}
    return Held({name: max(peak.mib for peak in pods) for name, pods in mine.items() if pods}, others)


def of_processes(stack: config.Stack, wanted: Wanted, processes: Sequence[Process]) -> list[MeasuredEntry]:
    """Entries from what a model and tenants hold now; raises OpsError where it is unclear whose a process is."""
    if described := card(stack.gpu):
        plausible.require_processes(described, processes)
    there = words(", ".join(sorted({plain(process.name) for process in processes})))
    if not wanted.model and not wanted.tenants:
        fix = f"say whose they are: --model ID for {SERVER}, --tenant NAME=PATTERN for any other"
        raise OpsError(f"the card has processes of {there}", fix)
    entries: list[MeasuredEntry] = []
    if wanted.model:
        mine = [process for process in processes if process.name.rsplit("/", 1)[-1] == SERVER]
        if len(mine) != 1:
            fix = f"load {wanted.model} alone, send its longest prompt and largest image, and look again"
            raise OpsError(f"{len(mine)} processes are a {SERVER}; the card has {there}", fix)
        if not mine[0].mib:
            raise OpsError(f"the {SERVER} holds no memory of the card", f"send it a request to {wanted.model} first")
        entries.append(_of_model(stack, wanted, wanted.model, mine[0].mib))
    for name, pattern in wanted.tenants.items():
        sizes = [process.mib for process in processes if re.search(pattern or re.escape(name), process.name)]
        if not sizes:
            fix = f"give a part of its process's name: --tenant {name}=PATTERN"
            raise OpsError(f"no process belongs to {name}; the card has {there}", fix)
        entry = _of_tenant(stack, wanted, name, sum(sizes), "nvidia-smi")
        entries.append(dataclasses.replace(entry, kept=(entry.was_mib or 0) > sum(sizes)))
    return entries


def _of_tenant(stack: config.Stack, wanted: Wanted, name: str, mib: int, source: str) -> MeasuredEntry:
    was = stack.gpu.tenants[name].measured
    value = {"mib": mib, "date": wanted.today.isoformat(), "source": source}
    return MeasuredEntry(("config", KEY, "gpu", "tenants", name, "measured"), value, was.mib if was else None)


def _of_model(stack: config.Stack, wanted: Wanted, model_id: str, mib: int) -> MeasuredEntry:
    """Replaces a measurement of the same settings and build; is added where they differ."""
    model = stack.models[model_id]
    new = Measured(
        mib=mib,
        context=model.total_tokens,
        kv_type=model.kv_type,
        parallel=model.parallel,
        kv_unified=model.kv_unified,
        ubatch=model.ubatch,
        cpu_moe=model.cpu_moe,
        image_max_tokens=stack.server.image_max_tokens if model.has_projector else None,
        drafted=model.drafting.most if model.drafting else 0,
        build=wanted.build or image_build(stack.server.image),
        date=wanted.today,
    )
    same = [at for at, was in enumerate(model.measured) if _serving(was) == _serving(new)]
    at = same[0] if same else len(model.measured)
    value = new.model_dump(mode="json", exclude_defaults=True)
    was_mib = model.measured[at].mib if same else None
    return MeasuredEntry(("config", KEY, "models", model_id, "measured", at), value, was_mib)


def _serving(measured: Measured) -> Mapping[str, object]:
    return measured.model_dump(exclude={"mib", "date", "tokens_s"})


def _is_of(peak: Peak, name: str, pattern: str | None, workload: str | None) -> bool:
    if pattern:
        return re.search(pattern, peak.pod) is not None
    namespace, _, made_by = (workload or f"/{name}").partition("/")
    ends = rf"-\d+|(-{_RANDOM}{{1,10}})?-{_RANDOM}{{5}}"  # of a StatefulSet's, a Deployment's, a DaemonSet's pod
    here = not (namespace and peak.namespace) or namespace == peak.namespace
    return here and re.fullmatch(f"{re.escape(made_by)}({ends})?", peak.pod) is not None


def _listed(found: Sequence[Peak]) -> str:
    names = [plain(f"{peak.namespace}/{peak.pod}".lstrip("/")) for peak in found[:5]]
    return ", ".join(names) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _name_it(name: str, label: str) -> str:
    other = "; where these are the exporter's own pods, --pod-label exported_pod" if label == prometheus.LABEL else ""
    return f"say which is whose: --tenant {name}=PATTERN{other}"
