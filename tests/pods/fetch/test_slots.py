"""Whose turn it is to download: the rest waits with words, and a lock that lies only costs bandwidth."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dev.hub import Rule
from tests.pods.bench import DATA, Bench, until


def models(bench: Bench, count: int) -> list[Bench]:
    """So many models on one volume, one file each, every download held by the hub."""
    found = [bench.beside(f"model-{number}") for number in range(count)]
    for number, model in enumerate(found):
        model.offer(f"m{number}-Q4_K_M.gguf", 5000)
    bench.hub.faults.set(Rule("cdn", range=DATA, stall_after=0))
    return found


def asked(bench: Bench, model: Bench) -> bool:
    return any(model.manifest["repo"] in row["path"] for row in bench.requests())


def line(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    assert process.stdout
    return json.loads(next(text for text in process.stdout if f'"{event}"' in text))


def opened(process: subprocess.Popen[str], root: Path) -> list[str]:
    """What a process has open on the volume; a lock needs an open file."""
    paths = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{process.pid}/fd")]
    return [path for path in paths if path.startswith(str(root))]


def test_a_third_model_waits_for_its_turn_says_for_whom_and_holds_nothing(bench: Bench) -> None:
    first, second, third = models(bench, 3)
    with first.start() as one, second.start() as two:
        until(lambda: asked(bench, first) and asked(bench, second), "both downloads")
        with third.start() as three:
            waiting = line(three, "waiting")
            assert [holder.split(":")[0] for holder in waiting["holders"]] in (
                ["model-0", "model-1"],
                ["model-1", "model-0"],
            ), "a person wants to know for whom"
            assert all(holder.endswith(" s") for holder in waiting["holders"]), "and for how long"
            until(lambda: _is_idle(three, bench.root), "a moment with nothing open")
            assert not asked(bench, third)
            bench.hub.faults.set()
            for process in (one, two, three):
                process.communicate(timeout=300)
    assert [process.returncode for process in (one, two, three)] == [0, 0, 0]


def _is_idle(process: subprocess.Popen[str], root: Path) -> bool:
    try:
        return opened(process, root) == []
    except FileNotFoundError:  # closed between the listing and the look
        return False


def test_no_slots_means_no_waiting(bench: Bench) -> None:
    all_of_them = models(bench, 3)
    for model in all_of_them:
        model.manifest["slots"] = 0
    processes = [model.start() for model in all_of_them]
    until(lambda: all(asked(bench, model) for model in all_of_them), "three downloads at a time")
    bench.hub.faults.set()
    for process in processes:
        process.communicate(timeout=300)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert not (bench.root / ".slots").exists()


def test_a_killed_fetcher_gives_its_turn_back(bench: Bench) -> None:
    first, second = models(bench, 2)
    first.manifest["slots"] = second.manifest["slots"] = 1
    with first.start() as one:
        until(lambda: asked(bench, first), "the first download")
        with second.start() as two:
            line(two, "waiting")
            one.kill()
            until(lambda: asked(bench, second), "the second download")
            bench.hub.faults.set()
            two.communicate(timeout=300)
    assert two.returncode == 0


def test_who_waits_for_a_file_that_another_fetches_does_not_keep_others_from_their_turn(bench: Bench) -> None:
    owner, sharer, third = (bench.beside(name) for name in ("owner", "sharer", "third"))
    owner.offer("shared-F16.gguf", 5000)
    sharer.offer("shared-F16.gguf", 5000)
    third.offer("own-Q4_K_M.gguf", 5000)
    bench.hub.faults.set(Rule("cdn", path=owner.manifest["files"][0]["sha256"], range=DATA, stall_after=0))
    with owner.start() as one:
        until(lambda: asked(bench, owner), "the first download")
        with sharer.start() as two:
            assert two.stdout
            assert any("another fetcher has it" in text for text in two.stdout)
            assert third.fetch()[0] == 0, "the second of two turns is free: its holder only waits"
            bench.hub.faults.set()
            for process in (one, two):
                process.communicate(timeout=300)
    assert (one.returncode, two.returncode) == (0, 0)
    assert not asked(bench, sharer), "the shared bytes were there"


@pytest.mark.parametrize("answer", ["pass", "raise OSError(errno.ENOLCK, 'No locks available')"])
def test_locks_that_everyone_is_granted_or_nobody_can_have_still_give_correct_blobs(bench: Bench, answer: str) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    via = bench.python_where(f"def flock(fd, how): {answer}\nfcntl.flock = flock")
    bench.hub.faults.set(Rule("cdn", range=DATA, skip=3, stall_after=0))
    processes = [bench.start(via=via) for _ in range(3)]
    until(lambda: len(bench.requests()) >= 3 + 3, "several writers of one file")
    bench.hub.faults.set()
    for process in processes:
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, printed
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_a_lock_of_a_machine_that_is_gone_is_waited_for_with_words_then_passed_over(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.manifest["patience_s"] = 0.5
    via = bench.python_where("def flock(fd, how): raise BlockingIOError(errno.EAGAIN, 'held')\nfcntl.flock = flock")

    code, printed = bench.fetch(via=via)

    assert code == 0, printed
    assert '"waiting"' in printed
    assert "going on without a turn" in printed
    assert "no sign of life from the fetcher" in printed
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_a_slot_that_cannot_be_opened_is_no_reason_not_to_fetch(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf", 5000)
    (bench.root / ".slots").write_text("a file where a directory should be")
    code, printed = bench.fetch()
    assert code == 0, printed
    assert "going on without a turn" in printed


@pytest.mark.parametrize("kind", ["a pipe", "a link", "a directory"])
def test_d11_a_slot_that_is_no_file_is_never_followed_nor_waited_for(bench: Bench, kind: str) -> None:
    bench.offer("a-Q4_K_M.gguf", 5000)
    bench.manifest |= {"slots": 1, "patience_s": 0.2}
    slot, outside = bench.root / ".slots" / "0", bench.directory / "outside"
    slot.parent.mkdir()
    match kind:
        case "a pipe":
            os.mkfifo(slot)
        case "a link":
            slot.symlink_to(outside)
        case _:
            slot.mkdir()
    assert bench.here() == (0, "")
    assert not outside.exists()
