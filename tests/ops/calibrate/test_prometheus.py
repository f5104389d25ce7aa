"""`ops calibrate --prometheus`: peaks of tenants from an exporter's figures, and what is refused."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.ops.calibrate.measured import METRIC, PODS, Desk, Prometheus, vector


def test_peaks_of_every_tenant_come_from_prometheus(desk: Desk, prometheus: Prometheus) -> None:
    arguments = ("--prometheus", prometheus.url, "--tenant", "immich-ml=machine-learning", "--tenant", "frigate")

    desk.calibrate(*arguments, "--days", 7, "--write")

    tenants = desk.stack["gpu"]["tenants"]
    assert tenants["immich-ml"]["measured"]["mib"] == 2601, "a peak is rounded up"
    assert tenants["immich-ml"]["measured"]["source"] == f"{METRIC}, 7 days"
    assert tenants["frigate"]["measured"]["mib"] == 1900
    assert "measured" not in tenants["immich-server"]
    assert any(f'max_over_time({METRIC}{{pod!=""}}[7d])' in query for query in prometheus.queries)


def test_a_pod_is_its_tenants_by_the_way_kubernetes_names_pods(desk: Desk, prometheus: Prometheus) -> None:
    said = desk.calibrate("--prometheus", prometheus.url)

    assert re.search(r"immich-server\.measured +│ - +│ 1100 MiB", said)
    assert "9000" not in said, "a name that only begins so is someone else's"
    assert re.search(r"immich-ml\.measured +│ - +│ 2601 MiB", said), "its pods are called as its workload is"


def test_a_peak_above_the_declared_one_says_what_follows(desk: Desk, prometheus: Prometheus) -> None:
    prometheus.highest = {**PODS, ("frigate", "frigate-0"): 6750}

    said = desk.calibrate("--prometheus", prometheus.url, "--tenant", "frigate")

    assert "raise peak_mib to 6750" in said
    assert "with these entries a preview is refused" in said


@pytest.mark.parametrize(
    ("highest", "now", "said"),
    [
        (dict.fromkeys(PODS, 14000), {}, "is 14000 MiB for all of 4 pods: the whole card's"),
        (PODS, dict.fromkeys(PODS, 9000), "is 9000 MiB for all of 4 pods"),
        ({("frigate", "frigate-0"): 14000}, {}, "names one pod, frigate-0, of a shared card"),
        ({}, {}, f"has no {METRIC} with a label pod in 30 days"),
        (dict.fromkeys(PODS, "NaN"), {}, f"has no {METRIC} with a label pod in 30 days"),
        ({("gpu", "dcgm-exporter-x2x4z"): 1, ("gpu", "b"): 2}, {}, "--pod-label exported_pod"),
        ({**PODS, ("frigate", "frigate-0"): 1900 * 2**20}, {}, "no pod can hold more than the whole card"),
    ],
)
def test_figures_that_are_not_a_pods_are_refused(
    desk: Desk, prometheus: Prometheus, highest: Mapping[tuple[str, str], Any], now: Any, said: str
) -> None:
    prometheus.highest, prometheus.now = highest, now

    assert said in desk.calibrate("--prometheus", prometheus.url, "--write", code=2)


def test_a_pod_without_a_number_is_passed_over(desk: Desk, prometheus: Prometheus) -> None:
    prometheus.highest = {**PODS, ("frigate", "frigate-1"): "NaN", ("frigate", "frigate-2"): "+Inf"}

    assert "1900 MiB" in desk.calibrate("--prometheus", prometheus.url, "--tenant", "frigate")


def test_another_metric_in_bytes_and_another_label_are_named(desk: Desk, prometheus: Prometheus) -> None:
    prometheus.highest = {("frigate", "frigate-0"): 1800 * 2**20}
    prometheus.now = {}
    names = ("--metric", "gpu_process_memory_bytes", "--pod-label", "exported_pod")

    said = desk.calibrate("--prometheus", prometheus.url, *names)

    assert "1800 MiB" in said
    assert all("by (exported_namespace, exported_pod)" in query for query in prometheus.queries)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ((400, b'{"status":"error","errorType":"bad_data","error":"parse error"}'), "refuses the query: parse error"),
        ((503, b"upstream is away"), "answered HTTP 503, and not as Prometheus does"),
        ((401, b""), "answered HTTP 401"),
        ((200, b"<html>"), "answered HTTP 200, and not as Prometheus does"),
        ((200, vector([], "matrix")), "answered with a matrix where a vector was asked for"),
        ((200, b'{"status":"success"}'), "answered with a value of no type where a vector"),
        ((200, vector([{"metric": {}, "value": [1, "5"]}])), "not as Prometheus does"),
    ],
)
def test_an_answer_that_is_none_is_told(desk: Desk, prometheus: Prometheus, raw: tuple[int, bytes], said: str) -> None:
    prometheus.raw = raw

    assert said in desk.calibrate("--prometheus", prometheus.url, code=2)
