"""Whether measured figures can be what each holder had of one card; where they cannot, nothing is written.

An exporter that knows only the card's memory may report it for every pod on it (NVIDIA/dcgm-exporter#587); a metric may
be in other units than its name says, and a list of processes may be of several cards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ops.base.errors import OpsError
from ops.calibrate.nvidia_smi import Process
from ops.calibrate.prometheus import OTHERWISE, Series
from plan.catalogue.card import Card
from plan.text.show import plain

_SHOWN = 12  # rows of a table
_NOT_THEIRS = "these figures cannot be each pod's own"
_UNITS = "take a metric in MiB, or one in bytes whose name ends in _bytes"
_ONE_CARD = (
    "ask nvidia-smi for the card that is shared, by its option -i and that card's number; or correct `gpu.model`, or "
    "`gpu.card`, if it has more memory"
)


@dataclass(frozen=True, slots=True)
class Held:
    """MiB by holder: the tenants and this stack's server as `mine`, other pods by name as `others`."""

    mine: Mapping[str, int]
    others: Mapping[str, int]


def require_pods(card: Card, series: Series, highest: Held, now: Held) -> None:
    """Raise OpsError where the highest figures, or those of this moment, cannot be true of one card.

    Pods of one image may each hold a CUDA context and nothing else, so equal figures count only above the largest
    context. Where processes are measured, each figure is true, and peaks of different moments may exceed the card.
    """
    for held in (highest, now):
        if large := {who: mib for who, mib in held.mine.items() if mib > card.total_mib}:
            raise _refusal(card, _NOT_THEIRS, large, "no pod can hold more than the whole card", _UNITS, is_sum=False)
    for held, figure in ((highest, "the same peak"), (now, "the same figure at this moment")):
        _require_different(card, series, held, figure)
    if sum(now.mine.values()) > card.total_mib:
        why = "these are of one moment, and more than the card has: each is the whole card's"
        raise _refusal(card, _NOT_THEIRS, now.mine, why, OTHERWISE)
    if series.of_device and sum(highest.mine.values()) > card.total_mib:
        why = "that is more than the card has: either each peak is the whole card's, or they are of different moments"
        raise _refusal(card, _NOT_THEIRS, highest.mine, why, OTHERWISE)


def require_processes(card: Card, processes: Sequence[Process]) -> None:
    """Raise OpsError where the processes together hold more than the card has."""
    if sum(process.mib for process in processes) > card.total_mib:
        rows = {f"{process.name} ({process.pid})": process.mib for process in processes}
        why = "that is more than the card has: the list is of several cards, or of another one"
        raise _refusal(card, "these processes cannot be on one card", rows, why, _ONE_CARD)


def _require_different(card: Card, series: Series, held: Held, figure: str) -> None:
    """Raise OpsError where two holders have the same figure; of others' pods only an exporter's are of this card."""
    others = held.others.items() if series.of_device else ()
    pairs = [*combinations(sorted(held.mine.items()), 2), *((one, it) for one in held.mine.items() for it in others)]
    for (one, its), (other, others_mib) in pairs:
        if its == others_mib and its > card.context_upper_mib:
            why = f"{plain(one)} and {plain(other)} have {figure}, {its} MiB: the whole card's, not each pod's"
            raise _refusal(card, _NOT_THEIRS, {**held.mine, other: others_mib}, why, OTHERWISE, is_sum=False)


def _refusal(card: Card, head: str, rows: Mapping[str, int], why: str, fix: str, *, is_sum: bool = True) -> OpsError:
    """The figures as a table, the largest first, why they cannot be, and what to do."""
    listed = sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    sums = [("together", sum(rows.values()))] if is_sum else []
    rest = [(f"{len(listed) - _SHOWN} more", sum(mib for _, mib in listed[_SHOWN:]))] if listed[_SHOWN:] else []
    shown = [*listed[:_SHOWN], *rest, *sums, (f"the card, gpu.model {card.name}", card.total_mib)]
    return OpsError(
        "".join([f"{head}:", *(f"\n  {mib:>8} MiB  {plain(who)}" for who, mib in shown), f"\n  {why}"]), fix
    )
