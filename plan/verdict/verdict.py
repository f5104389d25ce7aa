"""The verdict: one pure function over a preview and the plan, for `make preview`, `make up` and reviews."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from plan.card.immich_ttl import MENDS
from plan.plan import Plan
from plan.text.show import lines, plain
from plan.verdict.change import STASH, Change, changes
from plan.verdict.diff.difference import value_words
from plan.verdict.diff.named import Path, leaves
from plan.verdict.measured import NOTHING, Measured
from plan.verdict.preview import Preview, Step
from plan.verdict.prunes import prune_before, prune_words
from plan.verdict.users.answers import Row, silences
from plan.verdict.users.consumers import Consumers, compare
from plan.verdict.users.restarts import Restart, other_restarts, server_restart
from plan.verdict.weights import Weights, weigh

_PLACE = "Where the weights lie (namespace, volume.name, volume.nfs, volume.local) does not change with an update"
_SUMMARIES = ("preview failed", "an unhandled error occurred: program exited")  # Pulumi's last word, after the reasons
_URN = re.compile(r"urn:pulumi:[^\s'\"`]+")
_POLICY = "persistentVolumeReclaimPolicy"
_POD = ("spec", "template")
_LASTING = ("PersistentVolume", "PersistentVolumeClaim", "Secret", "Namespace")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a change does to users, and whether it can be undone. Texts are whole sentences or names of objects.

    `silences` is why ids may not answer, but for `restart`, each with what it is about.
    `failed` is why the preview itself failed; `refused` what Pulumi will not do, for the resource is protected.
    `runs` are Jobs that run because of it, `other_restarts` workloads beside the server. `prune` says what becomes of
    unused weights, `prune_before` what became of them, where the CronJob changes.
    """

    changes: Sequence[Change]
    failed: Sequence[str]
    refused: Sequence[str]
    for_good: Sequence[str]
    silences: Sequence[Row]
    restart: Restart | None
    other_restarts: Sequence[str]
    runs: Sequence[str]
    consumers: Consumers
    weights: Weights
    prune: str
    prune_before: str | None
    others: Sequence[str]
    unknown: Sequence[str]

    @property
    def is_nothing(self) -> bool:
        """Whether neither the cluster nor an output changes."""
        consumers = self.consumers
        noticed = consumers.added or consumers.removed or consumers.renamed or consumers.answered or consumers.lines
        return not (self.changes or self.failed or self.refused or noticed)


def judge(preview: Preview, plan: Plan, measured: Measured = NOTHING) -> Verdict:
    """What the preview means; `measured` is what is known besides the declared rates. Equal input, equal verdict."""
    found = changes(preview)
    return Verdict(
        changes=found,
        failed=_failed(preview),
        refused=tuple(_refusals(preview, found)),
        for_good=tuple(_for_good(found)),
        silences=silences(found, plan),
        restart=server_restart(found, plan, measured.read_mib_s),
        other_restarts=other_restarts(found, plan),
        runs=tuple(sorted(it.name for it in found if it.kind == "Job" and it.how in ("create", "replace"))),
        consumers=compare(preview, plan.contract),
        weights=weigh(found, plan, measured.fetch_mib_s),
        prune=prune_words(plan.prune.manifest),
        prune_before=prune_before(found, plan),
        others=tuple(_other(it) for it in found if it.is_foreign),
        unknown=tuple(f"{it.op} of {it.type} {it.resource}" for it in found if not it.is_known),
    )


def _failed(preview: Preview) -> tuple[str, ...]:
    """Errors, but for Pulumi's own text about what is protected, which says what to do in words that are not ours."""
    said = preview.said("error")
    told = [lines(it) for it in said if not _is_protection(it)]
    reasons = [it for it in told if not it.startswith(_SUMMARIES)]
    return tuple(reasons if reasons or any(map(_is_protection, said)) else told)


def _refusals(preview: Preview, found: Sequence[Change]) -> Iterator[str]:
    """What is protected and would have to go. Pulumi refuses the first of it in an error, mostly without a step."""
    errors = [(urn, said) for urn, said in preview.errors() if _is_protection(said)]
    told = [urn or (match[0] if (match := _URN.search(said)) else "") for urn, said in errors]
    urns = [urn for urn in dict.fromkeys([*told, *(it.urn for it in found if it.is_refused)]) if urn]
    if errors and not urns:
        yield f"something is protected, and this change would take it away; Pulumi does not say what. {_PLACE}"
    for urn in urns:
        step = Step(op="", urn=urn)
        kind = step.type.rpartition(":")[2]
        where = f". {_PLACE}" if kind in ("PersistentVolume", "PersistentVolumeClaim") else ""
        yield f"{plain(f'{kind} {step.resource}')} is protected, and this change would take it away{where}"


def _is_protection(error: str) -> bool:
    """pulumi 3.259, pkg/resource/deploy/step_generator.go, for a replacement, and step.go, for a deletion."""
    return "marked for protection" in error or "because it is protected" in error


def _for_good(found: Sequence[Change]) -> Iterator[str]:
    for it in found:
        lasting = it.is_object and not it.is_foreign and it.kind in _LASTING
        if it.is_refused or not (lasting or it.type == STASH):
            continue
        if it.how == "unprotect":
            yield f"{it.object} loses its protection: a later change may delete it"
        elif it.type == STASH and it.is_lost:
            yield "the API key is made anew: every consumer needs the new one"
        elif it.is_lost:
            yield f"{it.object} is {'deleted' if it.how == 'delete' else 'replaced'}: what is in it is lost"
        elif it.how == "delete":
            yield f"{it.object} stays in the cluster, but this stack does not know it any more"
        elif it.how == "update" and it.kind == "PersistentVolume" and _reclaimed(it.new) and not _reclaimed(it.old):
            yield f"{it.object} is not retained any more: once its claim goes, what is in it is lost"
        elif it.how == "update" and it.kind == "Secret":
            yield f"{it.object} gets another content: whoever uses it needs the new one"


def _reclaimed(volume: Mapping[str, Any]) -> bool:
    """Whether its reclaim policy has the cluster delete or empty it once its claim is gone; the default keeps it."""
    spec: object = volume.get("spec")
    return isinstance(spec, Mapping) and cast("Mapping[str, Any]", spec).get(_POLICY) in ("Delete", "Recycle")


def _other(change: Change) -> str:
    """What becomes of a part of somebody else's object; what we set there stays when we let go of it."""
    if change.how == "delete":
        return f"{change.object}: what we set stays, and nobody sets it again"
    before, after = ({path: value_words(path, it) for path, it in leaves(of)} for of in (change.old, change.new))
    ours = [path for path in after if path[0] == "spec" or path[:2] == ("metadata", "labels")]
    found = [path for path in ours if path not in before or before[path] != after[path]]
    said = [f"{_name(path)} {f'{before[path]} -> ' if path in before else ''}{after[path]}" for path in found]
    pods = (
        "; its pods are replaced"
        if change.kind in ("Deployment", "StatefulSet") and _has_other_pods(change, before, after)
        else ""
    )
    return f"{change.object}: {plain(', '.join(said)) or 'set again'}{pods}"


def _has_other_pods(change: Change, before: Mapping[Path, str], after: Mapping[Path, str]) -> bool:
    """Whether something of the pod differs, or is written again because somebody has edited it since."""
    differ = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    written = any(path[:2] == _POD or (path[-1] == MENDS and path in after) for path in differ)
    return written or any(it.startswith(".".join(_POD)) for it in change.drift)


def _name(path: Path) -> str:
    """The last name on the way: the variable's, the label's."""
    return path[-2] if path[-1] == "value" else path[-1]
