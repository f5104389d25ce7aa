"""What earlier runs, other clocks and runs beside it leave on a volume: believed as far as it is true."""

import json
import os
import signal

import pytest

from tests.pods.bench import SEGMENT, Bench


@pytest.mark.parametrize(("blob_s", "ready_s"), [(4e9, 0), (0, 4e9), (1, 1), (-1e9, -1e9), (4e9, 4e9)])
def test_times_of_another_century_change_nothing_for_a_fetch(bench: Bench, blob_s: float, ready_s: float) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    assert bench.here() == (0, "")
    for path, time_s in ((bench.blob(), blob_s), (bench.generation / "READY.json", ready_s)):
        if time_s:
            os.utime(path, (time_s, time_s))
    bench.hub.log.clear()
    assert bench.here() == (0, "")
    assert bench.hub.log == []
    assert bench.gate()[0] == 0


@pytest.mark.parametrize("name", [".ok", ".part", ".part.journal"])
def test_a_file_of_ours_without_a_byte_in_it_is_no_promise(bench: Bench, name: str) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 3 * SEGMENT)
    assert bench.here() == (0, "")
    if name != ".ok":
        bench.blob().unlink()
    bench.blob(0, name).write_text("")
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content


@pytest.mark.parametrize("longer", [1, SEGMENT, 1 << 22])
def test_a_part_that_is_longer_than_the_file_is_cut_and_nothing_of_it_believed(bench: Bench, longer: int) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 3 * SEGMENT)
    (bench.root / ".blobs").mkdir()
    bench.blob(0, ".part").write_bytes(b"\xff" * (len(content) + longer))
    bench.blob(0, ".part.journal").write_text(f"0 {len(content) + longer}\n{SEGMENT} {SEGMENT}\n")
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content


@pytest.mark.parametrize(
    "journal", ['{"0": 65536}', "[[0, 65536]]", "v2\n0 65536 sha256\n", "0,65536\n", "0x0 65536\n", "\0" * 100]
)
def test_a_journal_of_another_layout_claims_nothing(bench: Bench, journal: str) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 3 * SEGMENT)
    (bench.root / ".blobs").mkdir()
    bench.blob(0, ".part").write_bytes(b"\xff" * len(content))
    bench.blob(0, ".part.journal").write_text(journal)
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content
    assert sum(row["bytes"] for row in bench.requests()) == len(content)


@pytest.mark.parametrize("number", [2, 6])
def test_jobs_of_one_model_that_start_in_the_same_moment_fetch_it_once(bench: Bench, number: int) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    started = [bench.start() for _ in range(number)]
    ended = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0] * number, ended
    assert not [text for text in ended if "unforeseen" in text]
    assert bench.blob().read_bytes() == content
    assert sum(row["bytes"] for row in bench.requests()) == len(content)


@pytest.mark.parametrize("segments", [0, 1, 4])
def test_sigterm_ends_a_fetch_at_once_at_any_stage_and_the_next_goes_on(bench: Bench, segments: int) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    with bench.start_and_hold(segments) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 143
    assert "the next run goes on from here" in bench.termination.read_text()
    bench.hub.faults.set()
    bench.hub.log.clear()
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content
    assert sum(row["bytes"] for row in bench.requests()) == len(content) - segments * SEGMENT
    assert json.loads((bench.generation / "READY.json").read_text())["id"] == "tiny-q4"
