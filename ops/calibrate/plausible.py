"""Whether figures from Prometheus can be what each pod held, or are the whole card's given to every pod."""

from collections.abc import Mapping
from itertools import combinations

from ops.base.errors import OpsError
from ops.calibrate.prometheus import OTHERWISE, Series
from plan.catalogue.card import Card


def require(card: Card, series: Series, peaks_mib: Mapping[str, int]) -> None:
    """Raise OpsError where `peaks_mib`, the highest MiB of each holder, cannot be true of one card.

    Pods of one image may each hold a CUDA context and nothing else, so equal figures count only above the largest
    context. Where processes are measured, each figure is true, and peaks of different moments may exceed the card.
    """
    for (one, its), (other, others) in combinations(sorted(peaks_mib.items()), 2):
        if its == others and its > card.context_upper_mib:
            raise OpsError(
                f"{one} and {other} have the same peak, {its} MiB: the whole card's, not each pod's", OTHERWISE
            )
    if series.of_device and (total := sum(peaks_mib.values())) > card.total_mib:
        who = ", ".join(
            f"{name} {mib}" for name, mib in sorted(peaks_mib.items(), key=lambda item: (-item[1], item[0]))
        )
        raise OpsError(
            f"the peaks are {total} MiB together ({who}), of a card with {card.total_mib}: either each is the whole "
            "card's, or they are of different moments",
            OTHERWISE,
        )
