"""The line that downloads are measured on: what it serves, what it counts, and that no byte comes too early."""

import hashlib
import http.client
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.line import Bucket, Line

CONTENT = bytes(range(256)) * 4096  # 1 MiB: four paced sends
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ADDRESS = f"/bench/random-GGUF/{SHA256}?sig=1"


class Clock:
    """Time passes only where someone sleeps, each of them in a time of his own."""

    def __init__(self) -> None:
        self.now, self._lock = 0.0, threading.Lock()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        with self._lock:
            self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(tmp_path: Path, clock: Clock) -> Iterator[Line]:
    (tmp_path / "file").write_bytes(CONTENT)
    with Line(tmp_path / "file", SHA256, clock) as line:
        yield line


def ask(line: Line, method: str = "GET", path: str = ADDRESS, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", line.port, timeout=300)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    until_idle(line)
    return answer, body


def until_idle(line: Line) -> None:
    """Wait for what comes after the last byte, the counting; the limit only keeps a broken test from hanging."""
    patience = threading.Event()
    assert any(not line.active or patience.wait(0.02) for _ in range(15_000)), "the next download would wait for it"


def test_a_downloader_gets_the_file_whole_or_the_part_it_asks_for(line: Line) -> None:
    whole, part, rest = ask(line), ask(line, Range="bytes=10-19"), ask(line, Range=f"bytes={len(CONTENT) - 5}-")

    assert (whole[0].status, whole[1]) == (200, CONTENT)
    assert (part[0].status, part[1]) == (206, CONTENT[10:20])
    assert part[0].headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"
    assert (rest[0].status, rest[1]) == (206, CONTENT[-5:]), "curl -C - asks like this after it was killed"
    assert line.sent_bytes == len(CONTENT) + 15
    assert line.requests == 3


def test_what_is_asked_by_head_or_beyond_the_end_or_under_another_name_has_no_body(line: Line) -> None:
    head, beyond = ask(line, "HEAD"), ask(line, Range=f"bytes={len(CONTENT)}-")
    other = ask(line, path=f"/bench/random-GGUF/{'0' * 64}")

    assert (head[0].status, head[0].headers["Content-Length"], head[1]) == (200, str(len(CONTENT)), b"")
    assert (beyond[0].status, beyond[0].headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    assert other[0].status == 404
    assert line.sent_bytes == 0


def test_a_client_that_goes_away_ends_its_answer(line: Line) -> None:
    held = threading.Event()
    line.limit(connection_bytes_s=1)
    line.clock.sleep = lambda _seconds, /: held.wait(300) and None  # pyright: ignore[reportAttributeAccessIssue]
    connection = http.client.HTTPConnection("127.0.0.1", line.port, timeout=300)
    connection.request("GET", ADDRESS)
    answer = connection.getresponse()
    assert line.active == 1
    answer.close()
    connection.close()
    held.set()

    until_idle(line)


@pytest.mark.parametrize("limit", [{"connection_bytes_s": 1e6}, {"total_bytes_s": 1e6}])
def test_a_capped_answer_takes_exactly_its_bytes_at_the_capped_rate(
    line: Line, clock: Clock, limit: dict[str, float]
) -> None:
    line.limit(**limit)
    ask(line)

    assert clock.now == pytest.approx(len(CONTENT) / 1e6)


def test_the_slower_of_the_two_caps_holds(line: Line, clock: Clock) -> None:
    line.limit(connection_bytes_s=1e6, total_bytes_s=4e6)
    ask(line)

    assert clock.now == pytest.approx(len(CONTENT) / 1e6)


def test_without_a_cap_nobody_pauses(line: Line, clock: Clock) -> None:
    line.limit(total_bytes_s=1e6)
    line.limit()
    ask(line)

    assert clock.now == 0


def test_every_connection_has_a_cap_of_its_own_and_all_share_the_lines(line: Line) -> None:
    line.limit(connection_bytes_s=40e6, total_bytes_s=118e6)
    (mine, ours), (theirs, also_ours) = line.buckets(), line.buckets()

    assert mine is not theirs, "two streams are twice as fast as one"
    assert ours is also_ours, "however many streams, the line carries no more"


@given(sizes=st.lists(st.integers(1, 10**6), min_size=1, max_size=50), pauses=st.lists(st.floats(0, 1), min_size=50))
def test_no_more_than_the_rate_and_twenty_milliseconds_of_it_ever_pass(sizes: list[int], pauses: list[float]) -> None:
    clock = Clock()
    bucket, rate, passed = Bucket(1e6, clock), 1e6, 0
    for size, pause_s in zip(sizes, pauses, strict=False):
        clock.sleep(max(bucket.reserve(size), 0) + pause_s)  # as late as a busy machine wakes it
        passed += size
        assert passed <= rate * (clock.now - pause_s + 0.02) + 1e-3


def test_a_late_wake_up_is_made_up_for_and_a_client_that_did_not_read_is_not() -> None:
    late, idle = Clock(), Clock()
    of_late, of_idle = Bucket(1000, late), Bucket(1000, idle)
    late.sleep(of_late.reserve(100) + 0.01)
    idle.sleep(of_idle.reserve(100) + 5)

    assert of_late.reserve(100) == pytest.approx(0.09), "else a busy machine has a slower line"
    assert of_idle.reserve(100) == pytest.approx(0.08), "else a pause for the disk would cost nothing"


def test_a_distant_answer_waits_for_handshake_and_request_and_begins_slowly(line: Line, clock: Clock) -> None:
    line.limit(round_trip_s=0.15)
    ask(line)

    doublings = math.log2(len(CONTENT) / 14600)
    assert 0.15 * (doublings + 1) < clock.now < 0.15 * (doublings + 4)


def test_a_connection_that_is_kept_pays_one_round_trip_and_is_fast_from_the_start(line: Line, clock: Clock) -> None:
    line.limit(round_trip_s=0.15)
    connection = http.client.HTTPConnection("127.0.0.1", line.port, timeout=300)
    took = list[float]()
    for _ in range(2):
        before = clock.now
        connection.request("GET", ADDRESS)
        assert connection.getresponse().read() == CONTENT
        until_idle(line)
        took.append(clock.now - before)
    connection.close()

    assert took[1] < 0.15 * 2.1
    assert took[1] < took[0] / 4


def test_a_near_line_has_no_round_trip_and_a_far_one_is_never_faster_than_its_rate(line: Line, clock: Clock) -> None:
    line.limit(round_trip_s=0.15, total_bytes_s=1e5)
    ask(line)
    assert clock.now >= len(CONTENT) / 1e5
    line.limit()
    before = clock.now
    ask(line)
    assert clock.now == before
