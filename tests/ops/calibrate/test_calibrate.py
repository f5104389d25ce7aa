"""`ops calibrate` as a person runs it: a real process, a server in Prometheus's place, texts of nvidia-smi."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from plan import config
from tests import stacks
from tests.ops import command

HEAD = "pid, process_name, used_gpu_memory [MiB]"
NODE = f"{HEAD}\n4711, /app/llama-server, 6996 MiB\n812, frigate.detector, 1020 MiB\n813, /bin/ffmpeg, 230 MiB\n"
PODS = {
    ("immich", "immich-machine-learning-7d4c9-x2x4z"): 2600.4,
    ("immich", "immich-server-58fdb-b7kqp"): 1100,
    ("frigate", "frigate-0"): 1900,
    ("games", "immich-ml-is-not-this"): 9000,
}
METRIC = "DCGM_FI_DEV_FB_USED"


class Prometheus(ThreadingHTTPServer):
    """Answers instant queries: `now` to a plain one, `highest` to one over time; or `raw`, whatever is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Query)
        self.highest: Mapping[tuple[str, str], Any] = PODS
        self.now: Mapping[tuple[str, str], Any] = {key: 100 + at for at, key in enumerate(PODS)}
        self.raw: tuple[int, bytes] | None = None
        self.queries: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, query: str) -> tuple[int, bytes]:
        self.queries.append(query)
        found = self.highest if "_over_time" in query else self.now
        by = re.findall(r"by \((\w+), (\w+)\)", query)[0]
        rows = [
            {"metric": dict(zip(by, key, strict=True)), "value": [1763900000, str(mib)]} for key, mib in found.items()
        ]
        return self.raw or (200, vector(rows))


class _Query(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        assert isinstance(self.server, Prometheus)
        status, body = (
            (404, b"") if parts.path != "/api/v1/query" else self.server.answer(parse_qs(parts.query)["query"][0])
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object, **__: object) -> None:
        """Nothing to print."""


def vector(rows: list[dict[str, Any]], kind: str = "vector") -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": rows}}).encode()


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with Prometheus() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


class Desk:
    """A directory with two of the tests' stacks and their lock."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.file = directory, directory / "Pulumi.t4.yaml"
        self.before = (stacks.EXAMPLE / "Pulumi.t4.yaml").read_text()
        self.file.write_text(self.before)
        for name in ("models.lock.yaml", "Pulumi.cpu.yaml"):
            (directory / name).write_text((stacks.EXAMPLE / name).read_text())

    def calibrate(self, *arguments: object, code: int = 0, said: str = "", stack: str = "t4") -> str:
        """Run it; what it printed, its lines joined where they were folded."""
        argv = ("calibrate", "--stack", stack, *arguments)
        ran = command.run(*argv, code=code, cwd=self.directory, said=said, COLUMNS="250")
        printed = ran.stdout + ran.stderr
        if code or "--write" not in arguments:
            assert self.file.read_text() == self.before, "nothing was asked to be written"
        return printed

    @property
    def stack(self) -> dict[str, Any]:
        return yaml.safe_load(self.file.read_text())["config"][config.KEY]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_loaded_model_becomes_an_entry_with_day_and_build(desk: Desk) -> None:
    shown = desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", said=NODE)
    assert re.search(r"models\.qwen3-8b\.measured +│ - +│ 6996 MiB", shown)
    assert "nothing is written without --write" in shown

    desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--write", said=NODE)

    (entry,) = desk.stack["models"]["qwen3-8b"]["measured"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry.pop("date"))
    assert entry == {"mib": 6996, "context": 16384, "build": 10524}, "what is default is not written"
    kept = desk.file.read_text().splitlines()
    lost = [line for line in desk.before.splitlines() if line not in kept]
    assert [line.strip().split(":")[0] for line in lost] == ["qwen3-8b"], "no other line differs, comments included"


def test_a_projector_is_measured_with_the_image_it_was_limited_to(desk: Desk) -> None:
    desk.calibrate("--nvidia-smi", "-", "--model", "qwen3vl-8b", "--build", 10600, "--write", said=NODE)

    (entry,) = desk.stack["models"]["qwen3vl-8b"]["measured"]
    assert entry["image_max_tokens"] == 1024
    assert entry["build"] == 10600


def test_measuring_again_replaces_and_another_build_stands_beside(desk: Desk) -> None:
    for mib, build in ((6996, 10524), (7010, 10524), (7050, 10600)):
        text = NODE.replace("6996", str(mib))
        said = desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--build", build, "--write", said=text)
        if mib == 7010:
            assert re.search(r"│ 6996 +│ 7010 MiB", said), "old and new stand side by side"

    measured = desk.stack["models"]["qwen3-8b"]["measured"]
    assert [(entry["mib"], entry["build"]) for entry in measured] == [(7010, 10524), (7050, 10600)]


def test_all_processes_of_a_tenant_are_added_up(desk: Desk) -> None:
    desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate=frigate|ffmpeg", "--write", said=NODE)

    measured = desk.stack["gpu"]["tenants"]["frigate"]["measured"]
    assert measured["mib"] == 1250
    assert measured["source"] == "nvidia-smi"
    (line,) = (line for line in desk.before.splitlines() if "immich-ml:" in line)
    assert line in desk.file.read_text().splitlines(), "nobody else was asked for"


def test_a_moment_does_not_lower_a_measured_peak(desk: Desk) -> None:
    desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate=frigate|ffmpeg", "--write", said=NODE)
    before = desk.file.read_text()

    said = desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate", "--write", said=NODE)

    assert "kept: one sample is not a peak" in said
    assert desk.file.read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}\n4711, /app/llama-server, [N/A]\n", "does not say how much /app/llama-server holds: [N/A]"),
        (f"{HEAD}\n4711, [Insufficient Permissions], [Insufficient Permissions]\n", "[Insufficient Permissions]"),
        (f"{HEAD}\n4711, /app/llama-server, [Not Supported]\n", "[Not Supported]"),
        (f"{HEAD}\n", "nvidia-smi lists no process"),
        ("", "this is not a list of processes from nvidia-smi: nothing"),
        ("NVIDIA-SMI has failed because it couldn't communicate with the driver.\n", "NVIDIA-SMI has failed"),
        (f"{HEAD}\n4711, /app/llama-server, lots\n", "this is not a line of nvidia-smi's list"),
        (f"{HEAD}\n4711, /bin/other, 6996 MiB\n", "0 processes are a llama-server; the card has /bin/other"),
        (f"{HEAD}\n1, llama-server, 6996 MiB\n2, llama-server, 4000 MiB\n", "2 processes are a llama-server"),
        (f"{HEAD}\n4711, llama-server, 0 MiB\n", "holds no memory of the card"),
        (f"{HEAD}\n4711, llama-server, 99999 MiB\n", "would be 99999 MiB, of a card with 15360"),
    ],
)
def test_what_nvidia_smi_would_not_tell_is_not_guessed(desk: Desk, text: str, said: str) -> None:
    assert said in desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--write", said=text, code=2)


def test_text_without_units_and_names_with_commas_are_understood(desk: Desk) -> None:
    text = "pid, process_name, used_gpu_memory [MiB]\r\n812, python, with a comma, 1020\r\n"

    said = desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate=with a comma", said=text)

    assert "1020 MiB" in said


def test_a_measurement_that_cannot_be_true_is_told_before_it_is_committed(desk: Desk) -> None:
    said = desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", said=NODE.replace("6996", "600"))

    assert "with these entries a preview is refused" in said
    assert "less than weights and cache" in said


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
        ({("frigate", "frigate-0"): 14000}, {}, "names one pod, frigate-0, of a card that is shared"),
        ({}, {}, f"has no {METRIC} with a label pod in 30 days"),
        (dict.fromkeys(PODS, "NaN"), {}, f"has no {METRIC} with a label pod in 30 days"),
        ({("gpu", "dcgm-exporter-x2x4z"): 1, ("gpu", "b"): 2}, {}, "--pod-label exported_pod"),
        ({**PODS, ("frigate", "frigate-0"): 1900 * 2**20}, {}, "of a card with 15360"),
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
        ((200, b'{"status":"success"}'), "not as Prometheus does"),
        ((200, vector([{"metric": {}, "value": [1, "5"]}])), "not as Prometheus does"),
    ],
)
def test_an_answer_that_is_none_is_told(desk: Desk, prometheus: Prometheus, raw: tuple[int, bytes], said: str) -> None:
    prometheus.raw = raw

    printed = desk.calibrate("--prometheus", prometheus.url.replace("//", "//user:secret@"), code=2)

    assert said in printed
    assert "secret" not in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "pass one of the two"),
        (("--prometheus", "http://127.0.0.1:9"), "cannot be reached"),
        (("--prometheus", "http://127.0.0.1:9", "--model", "qwen3-8b"), "measure a model with --nvidia-smi"),
        (("--nvidia-smi", "nowhere.csv", "--model", "qwen3-8b"), "nowhere.csv: No such file"),
        (("--nvidia-smi", "-"), "the card has processes of"),
        (("--nvidia-smi", "-", "--model", "qwen"), "qwen is not a model of the stack"),
        (("--nvidia-smi", "-", "--tenant", "plex"), "plex is not a tenant of the stack; it has frigate, immich-ml"),
        (("--prometheus", "http://[/"), "cannot be reached"),
        (("--prometheus", "prometheus:9090"), "cannot be reached"),
        (("--nvidia-smi", "-", "--tenant", "frigate=("), "--tenant frigate=("),
        (("--nvidia-smi", "-", "--tenant", "immich-ml"), "no process belongs to immich-ml"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_next_step(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    assert said in desk.calibrate(*arguments, "--write", said=NODE, code=2)


def test_a_stack_without_a_card_has_nothing_to_measure(desk: Desk) -> None:
    assert "has no card" in desk.calibrate("--nvidia-smi", "-", "--model", "x", stack="cpu", said=NODE, code=2)


def test_the_file_keeps_its_permissions_and_no_draft_is_left(desk: Desk) -> None:
    desk.file.chmod(0o600)

    desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--write", said=NODE)

    assert desk.file.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in desk.directory.iterdir()} == {
        "Pulumi.t4.yaml",
        "Pulumi.cpu.yaml",
        "models.lock.yaml",
    }
