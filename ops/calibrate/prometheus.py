"""Each pod's peak GPU memory, from a Prometheus. Refuses figures that are the whole card's.

On a time-sliced card NVIDIA's DCGM exporter knows only the memory of the whole card; some versions report that figure
for every pod (NVIDIA/dcgm-exporter#587), and only newer ones tell processes apart (#594).
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import httpx2

from ops.base import network
from ops.base.errors import OpsError, unreachable

METRIC, LABEL = "DCGM_FI_DEV_FB_USED", "pod"
_TIMEOUT_S = 60
_MIB = 2**20
_FIX = "check --prometheus: it is the server's own URL, as http://prometheus:9090"
_OTHERWISE = "measure on the node instead: --nvidia-smi; or name a per-process metric: --metric"


@dataclass(frozen=True, slots=True)
class Series:
    """The metric with the figures, in bytes where its name ends in _bytes, else in MiB; `label` has the pod's name."""

    url: str
    metric: str
    label: str
    days: int

    @property
    def place(self) -> str:
        """The server, without what may be secret in its URL."""
        return re.sub(r"//[^/]*@", "//", self.url.partition("?")[0])


@dataclass(frozen=True, slots=True)
class Peak:
    """One pod and the most MiB it held."""

    namespace: str
    pod: str
    mib: int


def peaks(series: Series) -> list[Peak]:
    """Each pod's peak over `series.days` days, the largest first; raises OpsError where the figures cannot be used."""
    network.settle()
    chosen = f'{series.metric}{{{series.label}!=""}}'
    found = _ask(series, f"max_over_time({chosen}[{series.days}d])")
    if not found:
        raise OpsError(
            f"{series.place} has no {series.metric} with a label {series.label} in {series.days} days",
            f"name another with --metric or --pod-label; {_OTHERWISE}",
        )
    _require_per_pod(series, found, _ask(series, chosen))
    return sorted(found, key=lambda peak: (-peak.mib, peak.namespace, peak.pod))


def _require_per_pod(series: Series, highest: list[Peak], now: list[Peak]) -> None:
    """Raise OpsError where all pods have the same figure, now or as their peak: it is the whole card's."""
    for these in (now, highest):
        if len(these) > 1 and len({peak.mib for peak in these}) == 1 and these[0].mib:
            raise OpsError(
                f"{series.metric} is {these[0].mib} MiB for all of {len(these)} pods: the whole card's, not each pod's",
                _OTHERWISE,
            )
    if len(highest) == 1 and series.metric == METRIC:
        raise OpsError(
            f"{METRIC} names one pod, {highest[0].pod}, of a card that is shared: it may be the whole card's",
            _OTHERWISE,
        )


def _ask(series: Series, what: str) -> list[Peak]:
    """The finite values of `what` by pod, MiB rounded up; raises OpsError for an answer that is not Prometheus's."""
    namespace = series.label.replace("pod", "namespace")
    status, body = _get(series, f"max by ({namespace}, {series.label}) ({what})")
    unit = _MIB if series.metric.endswith("_bytes") else 1
    try:
        said: Any = json.loads(body)
        if said["status"] != "success":
            raise OpsError(f"{series.place} refuses the query: {said.get('error', status)}", _FIX)
        if (kind := said["data"]["resultType"]) != "vector":
            raise OpsError(f"{series.place} answered with a {kind} where a vector was asked for", _FIX)
        rows = [(row["metric"], float(row["value"][1])) for row in said["data"]["result"]]
        return [
            Peak(labels.get(namespace, ""), labels[series.label], math.ceil(value / unit))
            for labels, value in rows
            if math.isfinite(value)  # a division by zero in the query gives NaN
        ]
    except (ValueError, KeyError, TypeError, IndexError):
        raise OpsError(f"{series.place} answered HTTP {status}, and not as Prometheus does", _FIX) from None


def _get(series: Series, query: str) -> tuple[int, bytes]:
    try:
        answer = httpx2.get(f"{series.url.rstrip('/')}/api/v1/query", params={"query": query}, timeout=_TIMEOUT_S)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise unreachable(series.place, error, _FIX) from None
    return answer.status_code, answer.content
