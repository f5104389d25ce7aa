"""The fetcher against a healthy hub: what it leaves on the volume, resumed, repeated, and in company."""

import json
import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from dev.hub import Rule
from pods.fetch.connection import Routes
from pods.fetch.hub import Hub
from pods.fetch.manifest import File, Manifest
from pods.fetch.model_on_volume import Volume
from pods.fetch.part import Part, Segment
from pods.fetch.streams import Streams
from tests.pods.bench import DATA, SEGMENT, Bench


def test_a_fetch_leaves_immutable_blobs_relative_links_and_a_ready_file(bench: Bench) -> None:
    model, eyes = bench.offer("a-Q4_K_M.gguf"), bench.offer("mmproj-a-F16.gguf", 1000, "mmproj.gguf")

    code, printed = bench.fetch()

    assert code == 0, printed
    assert (bench.generation / "model.gguf").read_bytes() == model
    assert (bench.generation / "mmproj.gguf").read_bytes() == eyes
    assert os.readlink(bench.generation / "model.gguf") == f"../../.blobs/{bench.blob().name}"
    assert stat.S_IMODE(bench.blob().stat().st_mode) == 0o444, "a server may have it mapped"
    ready = json.loads((bench.generation / "READY.json").read_text())
    assert (ready["gen"], ready["files"]) == (bench.manifest["gen"], bench.manifest["files"])
    assert (bench.root / "tiny-q4" / "current" / "READY.json").exists(), "people look through `current`"
    names = {path.name for path in (bench.root / ".blobs").iterdir()}
    assert names == {bench.blob(n, s).name for n in (0, 1) for s in ("", ".ok")}, "no scaffolding is left"


def test_a_file_of_another_repository_is_fetched_from_there(bench: Bench) -> None:
    model, elsewhere = bench.offer("a-Q4_K_M.gguf"), bench.beside("small")
    draft = elsewhere.offer("small-Q8_0.gguf", 1000, "draft.gguf")
    (file,) = elsewhere.manifest["files"]
    there = {"repo": elsewhere.manifest["repo"], "commit": elsewhere.manifest["commit"]}
    bench.manifest["files"].append({**file, **there})

    code, printed = bench.fetch()

    assert code == 0, printed
    assert (bench.generation / "model.gguf").read_bytes() == model
    assert (bench.generation / "draft.gguf").read_bytes() == draft
    ready = json.loads((bench.generation / "READY.json").read_text())
    assert ready["files"] == bench.manifest["files"], "the model's says nothing of a repository"


def test_a_second_run_asks_nothing_and_reads_nothing(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    before = {path: path.lstat().st_mtime_ns for path in bench.root.rglob("*")}
    bench.hub.log.clear()

    code, printed = bench.fetch()

    assert (code, bench.hub.log) == (0, [])
    assert "verify" not in printed, "a receipt replaces the hash"
    assert {path: path.lstat().st_mtime_ns for path in bench.root.rglob("*")} == before


def test_a_fetch_killed_at_40_percent_asks_only_for_the_missing_segments(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    with bench.start_and_hold(4) as process:
        process.kill()
    there = bench.journaled()
    bench.hub.faults.set()
    bench.hub.log.clear()

    code, printed = bench.fetch()

    assert code == 0, printed
    asked = {int(row["range"].removeprefix("bytes=").split("-")[0]) for row in bench.requests()}
    assert asked == set(range(0, len(content), SEGMENT)) - there
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_a_journal_line_torn_by_the_kill_costs_one_segment_and_spoils_no_other_line(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    with bench.start_and_hold(4) as process:
        process.kill()
    journal = bench.blob(0, ".part.journal")
    journal.write_text(journal.read_text().rstrip()[:-2])
    bench.hub.log.clear()
    with bench.start_and_hold(2, before=4) as process:
        process.kill()
    bench.hub.faults.set()
    bench.hub.log.clear()

    assert bench.fetch()[0] == 0
    assert len(bench.requests()) == 10 - 3 - 2
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_sigterm_ends_a_silent_download_at_once_and_keeps_the_journal(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    with bench.start_and_hold(4) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=300) == 128 + signal.SIGTERM, "it waited for the silence to end"
    assert len(bench.journaled()) == 4
    assert "goes on" in bench.termination.read_text()
    bench.hub.faults.set()
    bench.hub.log.clear()

    assert bench.fetch()[0] == 0
    assert len(bench.requests()) == 10 - 4, "only the missing segments"
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_two_fetchers_on_one_volume_download_once(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    with bench.start_and_hold(2) as first, bench.start() as second:
        assert second.stdout
        assert any("another fetcher has it" in line for line in second.stdout)
        bench.hub.faults.set()
        for process in (first, second):
            process.communicate(timeout=300)
    assert (first.returncode, second.returncode) == (0, 0)
    assert sum(row["bytes"] for row in bench.requests()) == len(content)


def test_a_part_that_another_fetcher_finished_meanwhile_is_taken_over_not_fetched(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    with bench.start_and_hold(0) as process:
        # What a second writer does where locks are granted to everyone.
        part = bench.blob(0, ".part")
        part.write_bytes(content)
        part.rename(bench.blob())
        bench.hub.faults.set()
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert bench.blob().read_bytes() == content


def test_a_split_model_keeps_the_suffix_by_which_llama_cpp_finds_the_parts(bench: Bench) -> None:
    names = [f"model-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    parts = [bench.offer(f"Q4_K_M/a-Q4_K_M-0000{n}-of-00003.gguf", 5000, names[n - 1]) for n in (1, 2, 3)]

    assert bench.fetch()[0] == 0
    assert [(bench.generation / name).read_bytes() for name in names] == parts


def test_ready_is_written_after_everything_it_promises(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf", 5000)
    bench.offer("b-Q4_K_M.gguf", 5000, "mmproj.gguf")
    bench.hub.faults.set(Rule("api", path="b-Q4", status=404, headers={"X-Error-Code": "EntryNotFound"}))
    assert bench.fetch()[0] == 66
    assert not (bench.generation / "READY.json").exists(), "one of two files is not a model"

    # A crash between the rename of the last blob and READY.json: everything is there but that.
    bench.hub.faults.set()
    assert bench.fetch()[0] == 0
    (bench.generation / "READY.json").unlink()
    (bench.generation / "mmproj.gguf").unlink()
    bench.hub.log.clear()
    assert bench.fetch()[0] == 0
    assert bench.hub.log == []
    assert (bench.generation / "READY.json").exists()
    assert (bench.generation / "mmproj.gguf").exists()


def test_a_blob_without_a_receipt_is_hashed_not_trusted(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    bench.blob(0, ".ok").unlink()
    bench.hub.log.clear()
    code, printed = bench.fetch()
    assert (code, bench.hub.log) == (0, [])
    assert '"verify"' in printed

    bench.blob().chmod(0o644)
    bench.blob().write_bytes(bytes([content[0] ^ 1]) + content[1:])
    assert bench.fetch()[0] == 0
    assert (bench.generation / "model.gguf").read_bytes() == content
    (aside,) = (bench.root / ".quarantine").iterdir()
    assert aside.name.startswith(f"{bench.blob().name}."), "a server may have the damaged file mapped: it is set aside"


def test_progress_is_json_with_bytes_and_rate(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.manifest["streams"] = 1
    bench.hub.faults.set(Rule("cdn", range=DATA, skip=1, times=1, stall_after=0))
    with bench.start() as process:
        assert process.stdout
        line = next(line for line in process.stdout if '"progress"' in line)
        bench.hub.faults.set()
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    progress = json.loads(line)
    assert (progress["file"], progress["total_bytes"]) == ("a-Q4_K_M.gguf", len(content))
    assert 0 < progress["bytes"] < len(content)
    assert {"mib_s", "eta_s"} <= progress.keys()
    assert json.loads(printed.splitlines()[-1])["event"] == "ready"


def test_a_stream_that_still_writes_when_another_fails_never_writes_into_another_file(tmp_path: Path) -> None:
    entered, late, written = threading.Event(), threading.Event(), threading.Event()

    class Failing(Streams):
        def _receive(self, part: Part, run: list[Segment]) -> None:
            if run[0].start == 0:
                assert entered.wait(300)
                raise OSError("no space left")
            entered.set()
            assert late.wait(300)
            os.pwrite(part.fd, b"late bytes", 0)
            written.set()

        def _locate(self) -> tuple[str, bool]:
            return "", True

    file = File("a.gguf", 20, "0" * 64, "model.gguf")
    asked = Manifest(
        "http://hub.invalid", str(tmp_path), "a", "0" * 12, "a/b", "0" * 40, (file,), streams=2, segment_bytes=10
    )
    part = Part.take(Volume(asked), file)
    assert part
    doomed = Failing(asked, Hub(asked, "", Routes(asked, {})), file, part, "")
    doomed.start()
    with pytest.raises(OSError, match="no space left"):
        doomed.wait(part.segments[0], lambda: None)
    number = part.fd
    part.close()
    other = os.open(tmp_path / "termination-log", os.O_RDWR | os.O_CREAT)
    assert other == number, "the number is taken again, as in a process that opens its next file"
    late.set()
    assert written.wait(300)
    os.close(other)

    assert (tmp_path / "termination-log").read_bytes() == b""
