"""Lines that are slow, far away or about to be cut: progress is watched, kept, and safe on the disk (D4, D7, D13)."""

import contextlib
import gc
import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.line import Line
from dev.hub import Rule
from pods.fetch.hub import persist
from pods.fetch.manifest import Manifest
from pods.fetch.wire import RetryError, Wire
from tests.pods.bench import DATA, SEGMENT, Bench, until


@pytest.mark.parametrize(
    ("rule", "requests"),
    [
        (Rule("cdn", range=r"bytes=65536-", times=1, rate_bytes_s=2048), 2),
        (Rule("cdn", range=r"bytes=65536-", times=3, rate_bytes_s=100), 4),
        (Rule("cdn", range=r"bytes=65536-", times=1, head_pause_s=0.05), 2),
        (Rule("api", times=1, head_pause_s=0.05), 0),
        (Rule("cdn", range=r"bytes=0-0$", times=1, head_pause_s=0.05), 0),
        (Rule("cdn", range=r"bytes=65536-", times=1, silent=True), 2),
    ],
    ids=["a trickle", "trickles", "slow headers", "slow headers of the hub", "slow headers to the probe", "silence"],
)
def test_d7_a_connection_below_the_minimum_is_replaced_and_its_address_asked_for_anew(
    bench: Bench, rule: Rule, requests: int
) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 4 * SEGMENT)
    bench.manifest |= {"stall_s": 0.6, "attempts": 20}
    bench.hub.faults.set(rule)

    code, printed = bench.fetch()

    assert code == 0, printed
    assert "timed out" in printed
    assert bench.blob().read_bytes() == content
    slow = [row for row in bench.requests() if row["range"].startswith("bytes=65536-")]
    assert len(slow) >= min(requests, 1)
    assert bench.hub.signatures >= 1


@pytest.mark.parametrize(
    "rule",
    [
        Rule("cdn", range=DATA, rate_bytes_s=64),
        Rule("cdn", range=DATA, head_pause_s=0.05),
        Rule("cdn", range=DATA, truncate_after=1),
        Rule("cdn", range=DATA, truncate_after=0),
        Rule("cdn", range=DATA, truncate_after=100),
        Rule("api", head_pause_s=0.05),
    ],
    ids=["a trickle", "slow headers", "a byte, then the end", "no byte", "a hundred bytes", "slow headers of the hub"],
)
def test_d7_a_line_that_never_gets_better_ends_with_a_reason(bench: Bench, rule: Rule) -> None:
    bench.offer("a-Q4_K_M.gguf", 4 * SEGMENT)
    bench.manifest |= {"stall_s": 0.4, "attempts": 3}
    bench.hub.faults.set(rule)
    code, said = bench.here()
    assert code == 69
    assert "gave up after 3 attempts" in said
    assert ("KiB/s for 0.4 s" in said) or ("the body ended early" in said), said


def test_d7_a_segment_that_comes_in_pieces_is_progress_and_a_byte_a_try_is_none() -> None:
    manifest = Manifest("http://x", "/v", "a", "0" * 12, "a/b", "0" * 40, (), attempts=4, backoff_s=1e-4)
    got = 0

    def step(piece: int) -> int:
        nonlocal got
        got += piece
        if got >= 1000:
            return got
        raise RetryError("cut")

    assert persist(manifest, lambda: step(100), lambda: got, worth=250) >= 1000
    got = 0
    with pytest.raises(Exception, match="gave up after 4 attempts"):
        persist(manifest, lambda: step(1), lambda: got, worth=250)
    assert got < 10


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    (tmp_path / "file").write_bytes(bytes(1 << 20))
    with Line(tmp_path / "file", "0" * 64) as line:
        yield line


def test_d7_the_time_that_our_own_disk_takes_is_not_the_line_s_fault(line: Line) -> None:
    wire = Wire(0.3, 1 << 10, lambda url, _: (http.client.HTTPConnection("127.0.0.1", url.port, timeout=9), ""))
    address = f"http://127.0.0.1:{line.port}/{'0' * 64}"
    with contextlib.closing(wire), wire.get(address, {"Range": "bytes=0-99999"}) as answer:
        total = 0
        while data := answer.read(30000):
            total += len(data)
            time.sleep(0.5)
    assert total == 100000


def test_a_fetch_that_ended_leaves_no_thread_and_no_connection(bench: Bench) -> None:
    """In a process that goes on, such as this one, they would be somebody else's trouble."""
    before = set(threading.enumerate())
    bench.offer("a-Q4_K_M.gguf", 12 * SEGMENT)
    assert bench.here() == (0, "")
    until(lambda: not set(threading.enumerate()) - before, "the fetch's threads to end", 60)
    gc.collect()  # where a socket was left open, this fails the test


def test_d13_a_stream_asks_for_all_it_needs_on_one_connection(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 12 * SEGMENT)
    opened = list[int]()
    connect = http.client.HTTPConnection.connect
    monkeypatch.setattr(
        "pods.fetch.connection._Connection.connect",
        lambda self: (opened.append(self.port), connect(self))[1],
    )
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content
    assert opened.count(bench.hub.port) == 1
    assert opened.count(bench.hub.cdn_port) <= bench.manifest["streams"]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("cdn", range=DATA, times=3, truncate_after=1000),
        Rule("cdn", range=DATA, times=2, status=503, says="x" * 10),
        Rule("cdn", range=DATA, times=2, status=503, says="x" * 100_000),
        Rule("cdn", range=DATA, times=1, ignore_range=True),
        Rule("cdn", range=r"bytes=0-0$", times=1, ignore_range=True),
        Rule("api", times=1, status=500, says="y" * 5000),
    ],
    ids=["cut", "short refusal", "long refusal", "whole file", "whole file to the probe", "refusal of the hub"],
)
def test_d13_after_any_answer_the_next_one_on_the_connection_is_read_exactly(bench: Bench, rule: Rule) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.manifest["streams"] = 1
    bench.hub.faults.set(rule)
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content


def test_d13_runs_grow_with_the_rate_and_end_together(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf", 64 * 4096)
    bench.manifest |= {"segment_bytes": 4096, "streams": 2}
    assert bench.here() == (0, "")
    lengths = [_length(row) // 4096 for row in bench.requests()]
    assert sum(lengths) == 64
    assert lengths[:2] == [1, 1], "nobody knows yet how fast the line is"
    assert 1 < max(lengths) <= 8
    assert lengths[-1] == 1, "or one stream would end long after the others"


def _length(row: dict[str, Any]) -> int:
    first, last = (int(number) for number in row["range"].removeprefix("bytes=").split("-"))
    return last - first + 1


TRACE = """
import threading
real = {name: getattr(os, name) for name in ("fdatasync", "fsync", "write", "pwrite", "replace")}
place = lambda fd: os.readlink(f"/proc/self/fd/{fd}").rpartition("/")[2][-13:]
def traced(name):
    def call(fd, *more):
        if name != "write" or fd > 2:
            real["write"](log, f"{name} {place(fd) if isinstance(fd, int) else fd[-13:]}\\n".encode())
        return real[name](fd, *more)
    return call
log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for name in real:
    setattr(os, name, traced(name))
"""


def test_d4_a_line_of_the_journal_is_written_after_its_bytes_are_synced_and_is_synced_itself(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf", 3 * SEGMENT)
    bench.manifest["streams"] = 1
    log = bench.directory / "calls"
    code, printed = bench.fetch(via=bench.python_where(f"LOG = {str(log)!r}\n{TRACE}"))
    assert code == 0, printed

    calls = [tuple(line.split()) for line in log.read_text().splitlines()]
    names = [
        (name, "journal" if "journal" in path else "part" if path.endswith(".part") else "") for name, path in calls
    ]
    segment = [("fdatasync", "part"), ("write", "journal"), ("fdatasync", "journal")]
    of_segments = [call for call in names if call in segment]
    first = of_segments.index(segment[0])
    assert of_segments[first:] == segment * 3
    assert names.index(("fsync", "journal")) < names.index(("pwrite", "part")), "an empty one that is surely there"
    directory = [index for index, (name, path) in enumerate(calls) if name == "fsync" and path.endswith(".blobs")]
    assert directory[0] < names.index(("pwrite", "part")), "its name, too"


@pytest.mark.parametrize(
    "tail", ["\x00" * 40, "655", "65536 6553", "garbage\n", "-1 65536\n", "0 99999999999\n", "9" * 400 + " 1\n"]
)
def test_d4_what_a_power_cut_leaves_at_the_journal_s_end_is_no_claim(bench: Bench, tail: str) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 4 * SEGMENT)
    (bench.root / ".blobs").mkdir()
    bench.blob(0, ".part").write_bytes(content[:SEGMENT] + b"\xff" * 3 * SEGMENT)
    bench.blob(0, ".part.journal").write_text(f"0 {SEGMENT}\n{tail}")
    code, said = bench.here()
    assert code == 0, said
    assert sum(row["bytes"] for row in bench.requests()) == 3 * SEGMENT
    assert bench.blob().read_bytes() == content


def test_d4_a_journal_of_other_segments_counts_as_far_as_it_covers_ours(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 4 * SEGMENT)
    (bench.root / ".blobs").mkdir()
    bench.blob(0, ".part").write_bytes(content[: 3 * SEGMENT] + bytes(SEGMENT))
    bench.blob(0, ".part.journal").write_text(
        f"{SEGMENT} {SEGMENT // 2}\n0 {SEGMENT}\n{SEGMENT + 100} {SEGMENT * 2 - 100}\n"
    )
    assert bench.here() == (0, "")
    assert sum(row["bytes"] for row in bench.requests()) == SEGMENT
    assert json.loads((bench.generation / "READY.json").read_text())["gen"] == bench.manifest["gen"]
    assert os.readlink(bench.generation / "model.gguf").endswith(bench.blob().name)
