"""immich's model TTL as it is now: whether someone has changed it, and whether it can be set at all."""

from collections.abc import Iterable, Iterator

from plan import config
from plan.base.errors import ConfigError
from plan.card.immich_ttl import TtlPatch
from plan.live.observed import Entry, Observed, Workload
from plan.text.show import plain

_KEY = f"{config.KEY}.immich"
_SHOWN, _NAMED = 40, 5  # characters of a foreign value; names that are listed


def ttl_problems(patch: TtlPatch, seen: Observed) -> Iterator[ConfigError]:
    """Why the TTL cannot be set, however long one waits."""
    if f"{patch.kind.lower()}s" in seen.refused or patch.namespace not in seen.namespaces:
        return  # a namespace that is missing is told by prerequisites.py
    workload = _workload(patch, seen)
    if workload is None:
        yield _missing(patch, seen)
    elif patch.container not in workload.containers:
        rule = f"The {patch.kind} {_where(patch)} has no such container{_listed(workload.containers)}"
        yield ConfigError(f"{_KEY}.container", patch.container, f"{rule}. Write the name of immich's own.")
    elif (entry := _entry(patch, seen)) and entry.value is None:
        rule = f"{patch.variable} of {_where(patch)} is read from another object, and no value can be set beside that"
        yield ConfigError(f"{_KEY}.model_ttl_s", int(patch.ttl_s), f"{rule}. Next: `{_by_hand(patch)}`.")


def live_ttl(patch: TtlPatch, seen: Observed) -> tuple[TtlPatch, tuple[str, ...]]:
    """The patch that sets the TTL again where it is another one, and a note on that; else the patch as it is."""
    workload, entry = _workload(patch, seen), _entry(patch, seen)
    if workload is None or (entry and entry.value == patch.ttl_s):
        return patch, ()
    found = _found(entry)
    note = f"immich TTL is {found}, will be {patch.ttl_s}: {patch.variable} of {_where(patch)}."
    # The generation, so that the next edit is another one even where it looks alike.
    return patch.mending(f"{found}, in generation {workload.generation}"), (note,)


def _missing(patch: TtlPatch, seen: Observed) -> ConfigError:
    there = [it for it in seen.workloads if it.namespace == patch.namespace]
    if other := next((it.kind for it in there if it.name == patch.deployment), None):
        return ConfigError(f"{_KEY}.kind", patch.kind, f"It is a {other}: write `kind: {other}`.")
    names = [it.name for it in there if it.kind == patch.kind]
    rule = f"There is no such {patch.kind} in the namespace {patch.namespace}{_listed(names)}"
    fix = "Correct the name, or take `immich` out of the stack file while immich is not there"
    return ConfigError(f"{_KEY}.deployment", patch.deployment, f"{rule}. {fix}.")


def _workload(patch: TtlPatch, seen: Observed) -> Workload | None:
    wanted = patch.kind, patch.namespace, patch.deployment
    return next((it for it in seen.workloads if (it.kind, it.namespace, it.name) == wanted), None)


def _entry(patch: TtlPatch, seen: Observed) -> Entry | None:
    """The entry that counts: of several with one name, a container gets the last."""
    workload = _workload(patch, seen)
    entries = workload.containers.get(patch.container, ()) if workload else ()
    return entries[-1] if entries else None


def _found(entry: Entry | None) -> str:
    if entry is None:
        return "not set"
    value = plain(entry.value or "", _SHOWN) or "empty"
    if not entry.writers:
        return value
    manager, time = max(entry.writers, key=lambda writer: writer[1])
    minute = plain(time, _SHOWN).replace("T", " ")[:16]  # from 2026-11-29T14:02:03Z
    return f"{value} since {minute} UTC by {plain(manager, _SHOWN)}"


def _where(patch: TtlPatch) -> str:
    return f"{patch.namespace}/{patch.deployment}"


def _by_hand(patch: TtlPatch) -> str:
    where = f"-n {patch.namespace} {patch.kind.lower()}/{patch.deployment} -c {patch.container}"
    return f"kubectl set env {where} {patch.variable}={patch.ttl_s}"


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    return f"; there are {', '.join(found[:_NAMED])}" if found else "; there is none"
