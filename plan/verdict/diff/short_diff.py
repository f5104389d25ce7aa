"""The diff that a person reads: which objects, and which of their values, as few lines as say it."""

from collections.abc import Iterator, Sequence

from plan.text.show import plain
from plan.verdict.change import STACK, Change
from plan.verdict.diff.difference import Difference, differences
from plan.verdict.words import listed

_KEYS = 6  # of one object
_ORDER = {"create": 0, "delete": 1}  # as a whole; then whatever differs in parts
_SIGNS = {"create": "+", "delete": "-", "update": "~", "replace": "+-"}
GROUPS = ("llm:", "pulumi:providers:", STACK)  # they hold objects, and are none


def short_diff(changes: Sequence[Change]) -> list[str]:
    """Objects that are made or removed by kind; below each other one what of it differs, once for all alike."""
    objects = [it for it in changes if not (it.type.startswith(GROUPS) and it.how in ("create", "delete", "replace"))]
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for it in sorted(objects, key=lambda it: (_ORDER.get(it.how, 2), it.kind, it.namespace, it.name)):
        parts = () if it.how in _ORDER else tuple(_parts(it))
        alike.setdefault((_before(it), _after(it), parts), []).append(it.name)
    return [
        line
        for (before, after, parts), names in alike.items()
        for line in (f"{before}{listed(names)}{after}", *(f"    {part}" for part in parts))
    ]


def _before(it: Change) -> str:
    kind = f"{'part of ' * it.is_foreign}{it.kind}"
    return f"{_SIGNS.get(it.how, '?')} {kind} {f'{it.namespace}/' if it.namespace else ''}"


def _after(it: Change) -> str:
    if it.how in _SIGNS:
        return ""
    return " (no longer protected)" if it.how == "unprotect" else f" ({plain(it.op)})"


def _parts(change: Change) -> list[str]:
    found = [it.line for it in differences(change.old, change.new) if not _is_silent(change, it)]
    found = found or list(_elsewhere(change))
    return [*found[:_KEYS], *([f"and {len(found) - _KEYS} more"] if found[_KEYS:] else [])]


def _is_silent(change: Change, difference: Difference) -> bool:
    """The name that Pulumi makes up for every new ConfigMap; and what a refresh has read of somebody else's object.

    Server-side apply takes nothing away that we have not set, and what we set we go on to set.
    """
    own_name = change.how == "replace" and difference.path == ("metadata", "name")
    return own_name or (change.is_foreign and not difference.new)


def _elsewhere(change: Change) -> Iterator[str]:
    """What Pulumi found where the program says what it said before: secrets, and what somebody edited."""
    if change.failed:
        yield "it failed the last time, and is tried again"
    for path in change.drift:
        yield f"{plain(path)}: differs in the cluster, or is a secret"
