"""What one look at the live cluster means for the stack: refusals, notes, and what the update has to mend."""

from collections.abc import Iterator
from dataclasses import dataclass

from plan.base.errors import ConfigError
from plan.card.extended_resource import KEY
from plan.card.immich_ttl import TtlPatch
from plan.live import prerequisites, question
from plan.live.expected import Expected
from plan.live.kubectl_answer import Answer, parse
from plan.live.live_slices import slice_notes, slice_problems
from plan.live.live_tenants import judge_tenants
from plan.live.live_ttl import live_ttl, ttl_problems
from plan.live.observed import Observed
from plan.weights.volume import LocalSource, NfsSource


@dataclass(frozen=True, slots=True)
class Look:
    """`immich` is the patch that is declared: the plan's own, or the one that mends what was found."""

    notes: tuple[str, ...]
    immich: TtlPatch | None


def judge(expected: Expected, answer: Answer) -> Look:
    """Compare; about another stack's cluster nothing is said, because the guard refuses it.

    Raises ConfigError for what no waiting mends, and where gpu.memory is set and its room cannot be known.
    """
    try:
        seen = parse(answer)
        if seen.cluster_id != expected.tenancy.cluster_id:
            return unasked(expected)
        lost = [kind for kind in question.KINDS if kind in seen.refused]
        reasons = "; ".join(seen.refused[kind] for kind in lost)
        if found := list(_problems(expected, seen)):
            raise ConfigError.of(found)
        notes = _unknown(expected, lost, reasons)
        tenants = (*judge_tenants(expected.tenancy, seen), *slice_notes(expected, seen)) if _card_is_seen(seen) else ()
        patch, ttl_notes = live_ttl(expected.immich, seen) if expected.immich else (None, ())
        objects = (*prerequisites.server_notes(expected, seen), *prerequisites.volume_notes(expected, seen))
        return Look((*notes, *tenants, *objects, *ttl_notes), patch)
    except ValueError as error:
        return unread(expected, str(error))


def unread(expected: Expected, reason: str) -> Look:
    """What follows when the cluster could not be asked: a note, or with gpu.memory a ConfigError."""
    return Look(_unknown(expected, list(question.KINDS), reason), expected.immich)


def unasked(expected: Expected) -> Look:
    """What a program does that has no cluster to ask."""
    return Look((), expected.immich)


def _card_is_seen(seen: Observed) -> bool:
    return not {"nodes", "pods"} & seen.refused.keys()


def _problems(expected: Expected, seen: Observed) -> Iterator[ConfigError]:
    yield from prerequisites.problems(expected, seen)
    if _card_is_seen(seen):
        yield from slice_problems(expected, seen)
    if expected.immich:
        yield from ttl_problems(expected.immich, seen)


def _unknown(expected: Expected, lost: list[str], reason: str) -> tuple[str, ...]:
    """What could not be checked without these kinds, in one line."""
    rights = (
        f"The right to list {', '.join(lost)} of the whole cluster is needed; try `kubectl get {','.join(lost)} -A`"
    )
    memory = expected.tenancy.memory
    if memory and {"namespaces", "nodes", "pods"} & set(lost):
        asked = f"{memory.request_mib} MiB of {memory.resource}"
        unknown = "How much other pods leave of it is not known, and a new server that finds too little is an outage"
        raise ConfigError(KEY, asked, f"{unknown}: {reason}. {rights}.")
    checks = [check for kind, check in _checks(expected) if kind in lost]
    if not checks:
        return ()
    return (f"Not checked in the cluster: {', '.join(dict.fromkeys(checks))}: {reason}. {rights}.",)


def _checks(expected: Expected) -> Iterator[tuple[str, str]]:
    """Kinds of objects, and what only they tell."""
    source = expected.volume.new.source if expected.volume.new else None
    yield "nodes", "room on the card"
    yield "pods", "room on the card"
    if expected.tenancy.shared:
        yield "nodes", "undeclared tenants"
        yield "pods", "undeclared tenants"
    if expected.tenancy.runtime_class:
        yield "runtimeclasses", "the RuntimeClass"
    if isinstance(source, LocalSource):
        yield "nodes", "the volume's node"
    if isinstance(source, NfsSource):
        yield "csidrivers", "the CSI driver"
    if source:
        yield "persistentvolumes", "other volumes on the same directory"
        yield "deployments", "a server that was deleted"
    if expected.immich:
        yield f"{expected.immich.kind.lower()}s", "immich's TTL"
