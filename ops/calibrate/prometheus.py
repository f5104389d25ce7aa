"""Each pod's peak GPU memory, from a Prometheus. Refuses figures that are the whole card's.

On a time-sliced card NVIDIA's DCGM exporter knows only the memory of the whole card; some versions report that figure
for every pod (NVIDIA/dcgm-exporter#587), and only newer ones tell processes apart (#594).
"""

import math
import re
import sys
from dataclasses import dataclass
from typing import NamedTuple

import httpx2
from pydantic import BaseModel

from ops.base import network
from ops.base.errors import OpsError, unreachable
from ops.base.waiting import waiting
from ops.calibrate.nvidia_smi import COMMAND
from ops.gguf import byte_ranges
from plan.text import limits
from plan.text.errors import Source, TextError
from plan.text.model import read_model
from plan.text.show import plain, show, words
from plan.text.url import Url, parse_url

METRIC, LABEL = "DCGM_FI_DEV_FB_USED", "pod"
_TIMEOUT_S = 60
_FLOAT = re.compile("-?[0-9.]+(e[-+]?[0-9]+)?", re.ASCII)  # as Go writes one; Python's float() takes 1_0 and ٣ too
_MIB, _MOST_MIB = 2**20, 2**40  # no memory has an EiB
_FIX = "check --prometheus: it is the server's own URL, as http://prometheus:9090"
OTHERWISE = (
    f"measure on the node: save what `{COMMAND}` prints as card.csv, then run "
    "`bin/local-llm calibrate --stack STACK --nvidia-smi card.csv --tenant NAME`; or name, by --metric, one of single "
    "processes"
)


@dataclass(frozen=True, slots=True)
class Series:
    """The metric with the figures, in bytes where its name ends in _bytes, else in MiB; `label` has the pod's name.

    An answer is whole within `answer_s`.
    """

    url: Url
    metric: str
    label: str
    days: int
    answer_s: float = network.ANSWER_S

    @property
    def place(self) -> str:
        """The server, without what may be secret in its URL."""
        return self.url.place

    @property
    def of_device(self) -> bool:
        """Whether the exporter measures the card, and not processes: NVIDIA calls such fields DCGM_FI_DEV_*."""
        return self.metric.startswith("DCGM_FI_DEV_")


def series(url: str, metric: str, label: str, days: int) -> Series:
    """The figures that a person asks for; raises OpsError for a URL or a name that cannot be one."""
    # prometheus/common model/metric.go and labels.go: the names that need no quotes in a query.
    for option, text, signs in (("--metric", metric, "a-zA-Z0-9_:"), ("--pod-label", label, "a-zA-Z0-9_")):
        if not re.fullmatch(f"(?![0-9])[{signs}]{{1,200}}", text):
            rule = "letters, digits and '_', not a digit first" + (", and ':'" if ":" in signs else "")
            raise OpsError(f"{option} {show(text)} is no name of Prometheus: it has {rule}", "correct it")
    try:
        return Series(parse_url(url), metric, label, days)
    except ValueError as error:
        raise OpsError(f"--prometheus {show(url.partition('?')[0])} is not usable: {error}", _FIX) from None


class _Row(BaseModel):
    metric: dict[str, str]
    value: tuple[float, str]


class _Data(BaseModel):
    resultType: str  # noqa: N815 - its name in the answer
    result: list[_Row] = []


class _Answer(BaseModel):
    """Of Prometheus's HTTP API v1, /api/v1/query."""

    status: str
    error: str = ""
    warnings: list[str] = []
    data: _Data | None = None


@dataclass(frozen=True, slots=True)
class Peak:
    """One pod and the most MiB it held."""

    namespace: str
    pod: str
    mib: int


class Found(NamedTuple):
    """Each pod's peak over `series.days` days, the largest first, and what each holds at this moment."""

    highest: list[Peak]
    now: list[Peak]


def peaks(series: Series) -> Found:
    """The figures; raises OpsError where they cannot be used."""
    network.settle()
    chosen = f'{series.metric}{{{series.label}!=""}}'
    found = _ask(series, f"max_over_time({chosen}[{series.days}d])")
    if not found:
        raise OpsError(
            f"{series.place} has no {series.metric} with a label {series.label} in {series.days} days",
            f"name another with --metric or --pod-label; {OTHERWISE}",
        )
    now = _ask(series, chosen)
    _require_per_pod(series, found, now)
    return Found(sorted(found, key=lambda peak: (-peak.mib, peak.namespace, peak.pod)), now)


def _require_per_pod(series: Series, highest: list[Peak], now: list[Peak]) -> None:
    """Raise OpsError where all pods have the same figure, now or as their peak: it is the whole card's."""
    for these in (now, highest):
        if len(these) > 1 and len({peak.mib for peak in these}) == 1 and these[0].mib:
            raise OpsError(
                f"{series.metric} is {these[0].mib} MiB for all of {len(these)} pods: the whole card's, not each pod's",
                OTHERWISE,
            )
    if len(highest) == 1 and series.of_device:
        raise OpsError(
            f"{series.metric} names one pod, {plain(highest[0].pod)}, of a shared card: it may be the whole card's",
            OTHERWISE,
        )


def _ask(series: Series, what: str) -> list[Peak]:
    """The finite values of `what` by pod, MiB rounded up; raises OpsError for an answer that is not Prometheus's."""
    namespace = series.label.replace("pod", "namespace")
    status, body = _get(series, f"max by ({namespace}, {series.label}) ({what})")
    source = Source(f"{series.place} answered HTTP {status}, and not as Prometheus does", _FIX)
    said = read_model(body, source, _Answer)
    if said.status != "success":
        raise OpsError(f"{series.place} refuses the query: {words(said.error) or f'HTTP {status}'}", _FIX)
    if said.warnings:  # of a store that did not answer, for one: a peak may be missing
        print(f"note: {series.place} warns: {words('; '.join(said.warnings[:5]))}", file=sys.stderr)
    data = said.data or _Data(resultType="value of no type")
    if data.resultType != "vector":
        kind = plain(data.resultType)
        raise OpsError(f"{series.place} answered with a {kind} where a vector was asked for", _FIX)
    if not all(series.label in row.metric for row in data.result):
        raise TextError(source, f"a value has no label {series.label}")
    return [
        Peak(row.metric.get(namespace, ""), row.metric[series.label], mib)
        for row in data.result
        if (mib := _mib(series, row.value[1])) is not None
    ]


def _mib(series: Series, text: str) -> int | None:
    """The MiB that a value stands for; None for what no measurement gives: a division by zero in the query is NaN."""
    if text in ("NaN", "+Inf", "-Inf"):
        return None
    try:
        value = limits.finite(text) / (_MIB if series.metric.endswith("_bytes") else 1)
    except ValueError:
        value = -1.0
    if not (_FLOAT.fullmatch(text) and 0 <= value <= _MOST_MIB):
        raise OpsError(f"{series.place} says {show(text)} of {series.metric}, which is no size of a memory", OTHERWISE)
    return math.ceil(value)


def _get(series: Series, query: str) -> tuple[int, bytes]:
    address = f"{series.url.origin}{series.url.path.rstrip('/')}/api/v1/query"

    def ask() -> tuple[int, bytes]:
        with (
            waiting(series.place),
            httpx2.stream("GET", address, params={"query": query}, timeout=_TIMEOUT_S) as answer,
        ):
            return answer.status_code, byte_ranges.body(answer, limits.BYTES + 1)

    try:
        return network.within(series.answer_s, ask)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise unreachable(series.place, error, _FIX) from None
