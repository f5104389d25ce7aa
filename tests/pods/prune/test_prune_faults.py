"""Prune beside others, by clocks that are wrong, and after a crash."""

import fcntl
import itertools
import json
import os
import re
import time
from pathlib import Path

import pytest

from tests.pods.bench import Bench
from tests.pods.shelf import NEW, OLD_S, Shelf, age_mark, gen, of, old, sha


@pytest.mark.parametrize("hours", [-30, 30], ids=["behind", "ahead"])
def test_a_node_whose_clock_is_wrong_takes_nothing_early(shelf: Shelf, hours: int) -> None:
    grace_s, change = 86400, f"real = time.time; time.time = lambda: real() + {hours * 3600}"
    shelf.prune("delete", NEW, grace_s=grace_s)
    shelf.throw_away(shelf.blob(b"gone"), 60)
    before = shelf.tree()
    shelf.prune("delete", NEW, grace_s=grace_s, change=change)
    assert shelf.tree() == before, "by the volume's own clock not a minute is over"


def test_a_mark_made_by_a_slow_clock_bears_the_volumes_time(shelf: Shelf) -> None:
    shelf.prune("trash", NEW, change="real = time.time; time.time = lambda: real() - 1e6")
    since = json.loads((shelf.root / "a" / gen(1) / ".unused.json").read_text())["since"]
    assert since > time.time() - 600


def test_a_clock_that_was_set_back_ends_the_run_before_it_changes_anything(shelf: Shelf) -> None:
    age_mark(shelf, -7200)
    shelf.model("b", 3, b"b", age_s=OLD_S, unused_s=OLD_S)
    before = shelf.tree()
    (failed,) = of(shelf.prune("delete", NEW, code=69), "failed")
    assert ".unused.json is 7" in failed["reason"]
    assert "nothing was changed; correct the clock" in failed["reason"]
    after = {name: fact for name, fact in shelf.tree().items() if name != ".trash"}
    assert after == before


@pytest.mark.parametrize("alive", ["locked", "recent", ""])
def test_a_part_goes_only_when_no_fetch_can_have_it(shelf: Shelf, alive: str) -> None:
    part = shelf.blob(b"half a model", 0 if alive == "recent" else OLD_S, ".part")
    journal = shelf.blob(b"half a model", OLD_S, ".part.journal")
    with part.open("rb") as held:
        if alive == "locked":
            fcntl.flock(held, fcntl.LOCK_EX)
        lines = shelf.prune("trash", NEW, grace_s=0)
    (line,) = of(lines, "blob", sha256=sha(b"half a model"))
    assert line["state"] == ("fetching" if alive else "due")
    assert part.exists() == journal.exists() == bool(alive)


def test_a_fetch_that_runs_beside_it_ends_well(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    shelf = Shelf.__new__(Shelf)
    shelf.root = bench.root
    with bench.start_and_hold(4) as process:
        shelf.prune("delete", ("other", 1, b"x"), grace_s=0)
        bench.hub.faults.set()
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_a_crash_at_any_step_leaves_what_the_next_run_ends(tmp_path: Path) -> None:
    ends: list[set[str]] = []
    for step in itertools.count():
        shelf = Shelf(tmp_path / str(step))
        shelf.model("a", 2, b"new", b"common", age_s=OLD_S)
        shelf.model("b", 1, b"old bytes", b"common", age_s=OLD_S, unused_s=OLD_S)
        (shelf.root / "b" / "current").symlink_to(gen(1))
        shelf.blob(b"old bytes", OLD_S, ".ok")
        shelf.blob(b"part", OLD_S, ".part")
        shelf.blob(b"part", OLD_S, ".part.journal")
        shelf.throw_away(shelf.model("c", 3, b"new"), OLD_S)
        crash = f"""
left = {step}
def dying(act):
    def step(*given, **named):
        global left
        left -= 1
        return act(*given, **named) if left >= 0 else os.kill(os.getpid(), 9)
    return step
for name in ("rename", "replace", "unlink", "rmdir"):
    setattr(os, name, dying(getattr(os, name)))
"""
        died = True
        try:
            shelf.prune("delete", NEW, change=crash)
            died = False
        except AssertionError:
            assert (shelf.root / "a" / gen(2) / "model-00001-of-00002.gguf").read_bytes() == b"new"
        shelf.prune("delete", NEW)
        shelf.prune("delete", NEW)
        tree = {re.sub(r"\.\d+(?=/|$)", "", name) for name in shelf.tree()}
        probe = {name for name in tree if name.startswith(".trash/tmp")}  # empty, and goes when it is old enough
        ends.append({name for name in tree - probe if not (shelf.root / name).is_dir()})
        if not died:
            break
    assert len(ends) > 8, "it must have died at several steps"
    assert [end for end in ends if end != ends[-1]] == []


def test_half_written_files_of_a_run_that_died_are_removed(shelf: Shelf) -> None:
    dead, alive = (shelf.root / ".blobs" / f"sha256-{sha(b'x')}.0123456{digit}.tmp" for digit in "78")
    for path, age_s in ((dead, OLD_S), (alive, 10)):
        path.write_bytes(b"half a copy")
        old(path, age_s)
    lines = shelf.prune("trash", NEW)
    assert (dead.exists(), alive.exists()) == (False, True)
    assert of(lines, "summary", freed_bytes=len(b"half a copy"))


@pytest.mark.parametrize("own", ["", ".0123abcd"], ids=["the shared part", "one run's own"])
@pytest.mark.parametrize("alive", ["locked", "recent", ""])
def test_d8_what_fetchers_left_beside_a_blob_that_is_there_goes_after_the_grace(
    shelf: Shelf, own: str, alive: str
) -> None:
    age_s = 10 if alive == "recent" else OLD_S
    left = [shelf.blob(b"new", age_s, f"{own}.part{more}") for more in ("", ".journal", ".journal.tmp")]
    with left[0].open("rb") as held:
        if alive == "locked":
            fcntl.flock(held, fcntl.LOCK_EX)
        shelf.prune("trash", NEW)
    assert [path.exists() for path in left] == [bool(alive)] * 3
    assert (shelf.root / "a" / gen(2) / "model-00001-of-00002.gguf").read_bytes() == b"new"


def test_d8_parts_of_a_file_that_is_still_awaited_stay_and_report_removes_nothing(shelf: Shelf) -> None:
    awaited = [shelf.blob(b"awaited", OLD_S, suffix) for suffix in (".part", ".part.journal", ".0123abcd.part")]
    left = shelf.blob(b"new", OLD_S, ".part")
    shelf.prune("trash", NEW, ("b", 1, b"awaited"))
    assert [path.exists() for path in awaited] == [True] * 3
    assert not left.exists()
    left = shelf.blob(b"new", OLD_S, ".part")
    shelf.prune("report", NEW)
    assert left.exists()


def test_d8_parts_of_one_run_that_nobody_needs_are_set_aside_like_the_shared_one(shelf: Shelf) -> None:
    for suffix in (".part", ".part.journal", ".0123abcd.part", ".0123abcd.part.journal", ".part.journal.tmp"):
        shelf.blob(b"half", OLD_S, suffix)
    shelf.prune("trash", NEW)
    assert not list((shelf.root / ".blobs").glob(f"sha256-{sha(b'half')}*"))
    assert len(list((shelf.root / ".trash" / "blobs").iterdir())) == 2, "a journal without its part says nothing"


FULL = """
import builtins, errno
real, mkdir = open, os.mkdir
def opened(path, mode='r', *more, **named):
    if 'w' in mode and '.unused' in str(path): raise OSError(errno.{number}, 'No room', str(path))
    return real(path, mode, *more, **named)
def made(path, *more):
    if '.trash/' in str(path): raise OSError(errno.{number}, 'No room', str(path))
    return mkdir(path, *more)
builtins.open, os.mkdir = opened, made
"""


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT"])
def test_a_volume_without_room_for_a_mark_is_pruned_of_what_has_lain_aside(shelf: Shelf, number: str) -> None:
    """It ended before it removed anything, with the advice to prune."""
    gone = shelf.throw_away(shelf.blob(b"gone"), OLD_S)
    for place in (".trash/a", ".trash/b"):
        assert not (shelf.root / place).exists()
    shelf.model("b", 3, b"b", age_s=OLD_S, unused_s=OLD_S)
    lines = shelf.prune("delete", NEW, code=73, change=FULL.format(number=number))
    assert not gone.exists()
    (failed,) = of(lines, "failed")
    assert (
        "No room, so 2 things could not be marked or set aside; run it again once something has gone"
        in failed["reason"]
    )
    assert {line["done"] for line in of(lines, "generation")} == {"no room", ""}
    assert (shelf.root / "b" / gen(3) / "READY.json").exists()
    assert not list(shelf.root.rglob("*.tmp"))
    shelf.prune("delete", NEW)
    assert not (shelf.root / "b" / gen(3)).exists()


@pytest.mark.parametrize("since", [True, "1", "nan", "inf", None, [], {"a": 1}, "x" * 999], ids=repr)
def test_a_mark_that_is_no_time_is_made_anew_and_takes_nothing_early(shelf: Shelf, since: object) -> None:
    mark = shelf.root / "a" / gen(1) / ".unused.json"
    mark.write_text(json.dumps({"since": since}))
    shelf.prune("delete", NEW)
    assert abs(json.loads(mark.read_text())["since"] - time.time()) < 600
    assert (shelf.root / "a" / gen(1) / "READY.json").exists()


@pytest.mark.parametrize("since", [4102444800, 1e12, 10**30])
def test_a_mark_from_another_century_ends_the_run_before_anything_is_changed(shelf: Shelf, since: float) -> None:
    (shelf.root / "a" / gen(1) / ".unused.json").write_text(json.dumps({"since": since}))
    before = {name: fact for name, fact in shelf.tree().items() if name != ".trash"}
    (failed,) = of(shelf.prune("delete", NEW, code=69), "failed")
    assert "from the future" in failed["reason"]
    assert {name: fact for name, fact in shelf.tree().items() if name != ".trash"} == before


def test_ten_thousand_foreign_entries_with_names_in_any_encoding_stay_as_they_are(shelf: Shelf) -> None:
    place = os.fsencode(shelf.root / "theirs")
    os.mkdir(place)
    for number in range(10_000):
        os.close(os.open(place + b"/\xff\xe9 %d\n" % number, os.O_CREAT | os.O_WRONLY))
    lines = shelf.prune("delete", NEW)
    assert of(lines, "unknown", path=str(shelf.root / "theirs"))
    assert len(os.listdir(place)) == 10_000
