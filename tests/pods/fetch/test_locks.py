"""Locks that lie, and room that is not enough for all: nobody writes into another's bytes, one arrives (D2, D5)."""

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.hub import Rule
from pods.fetch.manifest import File, Manifest
from pods.fetch.model_on_volume import Volume
from pods.fetch.part import FencedError, Part
from tests.pods.bench import DATA, SEGMENT, Bench, until

LIES: dict[str, str] = {
    "granted to everyone": "def flock(fd, how): pass",
    "granted to everyone but oneself": """
mine, real = set(), fcntl.flock
def flock(fd, how):
    found = os.fstat(fd).st_ino
    if found in mine: raise BlockingIOError(errno.EAGAIN, 'held')
    mine.add(found)
""",
    "none to be had": "def flock(fd, how): raise OSError(errno.ENOLCK, 'No locks available')",
    "not supported": "def flock(fd, how): raise OSError(errno.EOPNOTSUPP, 'Operation not supported')",
    "a mount whose locks stay on its node": """
opened, real_open = open, open
def pretending(path, *more, **named):
    if path == '/proc/self/mountinfo':
        device = os.stat({root!r}).st_dev
        path = {mounts!r}
        with real_open(path, 'w') as target:
            target.write(f'1 2 {{os.major(device)}}:{{os.minor(device)}} / / rw - nfs nas:/x rw,vers=3,local_lock=all')
    return real_open(path, *more, **named)
import builtins
builtins.open = pretending
flock = fcntl.flock
""",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_d2_two_fetchers_whose_locks_lie_never_write_into_what_the_other_published(bench: Bench, lie: str) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    patch = lie.replace("{root!r}", repr(str(bench.root))).replace("{mounts!r}", repr(str(bench.directory / "mounts")))
    patch = patch.replace("{{", "{").replace("}}", "}")
    via = bench.python_where(f"{patch}\nfcntl.flock = flock")
    bench.manifest["backoff_s"] = 0.05
    bench.hub.faults.set(Rule("cdn", range=DATA, times=4, corrupt_at=5, stall_after=3), Rule("cdn", range=DATA))
    with bench.start(via=via) as first:
        until(lambda: len(bench.requests()) >= 4, "the first fetcher, in the middle of wrong bytes")
        second, printed = bench.fetch(via=via)
        assert second == 0, printed
        blob = bench.blob().stat()
        bench.hub.faults.set()
        said, _ = first.communicate(timeout=300)
    assert first.returncode == 0, said
    assert bench.blob().read_bytes() == content
    assert (bench.blob().stat().st_ino, bench.blob().stat().st_mtime_ns) == (blob.st_ino, blob.st_mtime_ns)
    assert not list((bench.root / ".blobs").glob("*.part*"))


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    file = File("a.gguf", 40, "0" * 64, "model.gguf")
    where = str(tmp_path / "volume")
    return Volume(Manifest("http://x", where, "a", "0" * 12, "a/b", "0" * 40, (file,), segment_bytes=10))


def taken(volume: Volume) -> Part:
    part = Part.take(volume, volume.manifest.files[0])
    assert part
    return part


def test_d2_whose_lock_was_lost_while_he_slept_writes_no_byte_more(volume: Volume) -> None:
    sleeper = taken(volume)
    sleeper.write(sleeper.segments[0], b"0123456789")
    sleeper.finish(sleeper.segments[0])
    fcntl.flock(sleeper.fd, fcntl.LOCK_UN)  # the server forgot it
    heir = taken(volume)
    assert [segment.done for segment in heir.segments] == [True, False, False, False], "nothing was lost"

    for late in (
        lambda: sleeper.write(sleeper.segments[1], b"x"),
        lambda: sleeper.finish(sleeper.segments[1]),
        lambda: sleeper.twin().write(sleeper.segments[1], b"x"),
        sleeper.touch,
        sleeper.keep,
    ):
        with pytest.raises(FencedError):
            late()
    heir.write(heir.segments[1], b"abcdefghij")
    assert os.pread(heir.fd, 40, 0) == b"0123456789abcdefghij" + bytes(20)


@pytest.mark.parametrize("grant", [lambda *_: None, lambda *_: _no_locks()], ids=["granted to all", "no locks"])
def test_d2_a_part_of_ones_own_takes_over_what_another_s_journal_vouches_for(
    volume: Volume, monkeypatch: pytest.MonkeyPatch, grant: Callable[..., None]
) -> None:
    monkeypatch.setattr(fcntl, "flock", grant)
    dead = taken(volume)
    dead.write(dead.segments[2], b"0123456789")
    dead.finish(dead.segments[2])
    dead.write(dead.segments[3], b"not synced")
    long_ago = time.time() - 3600
    os.utime(dead.path, (long_ago, long_ago))

    heir = taken(volume)

    assert heir.path != dead.path
    assert [segment.done for segment in heir.segments] == [False, False, True, False]
    assert os.pread(heir.fd, 10, 20) == b"0123456789"
    assert not os.path.exists(dead.path), "parts that nobody works on do not pile up"
    third = taken(volume)
    assert os.path.exists(heir.path), "he is alive"
    assert third.segments[2].done


def _no_locks() -> None:
    raise OSError(37, "No locks available")


@pytest.fixture
def tight(bench: Bench) -> Iterator[tuple[Bench, Bench]]:
    """Two models on a volume that has room for one of them."""
    if os.getuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", bench.root], check=True)
    two = bench.beside("one"), bench.beside("two")
    for number, model in enumerate(two):
        model.offer(f"{number}-Q4_K_M.gguf", 10 * SEGMENT)
    yield two
    subprocess.run(["umount", "-l", bench.root], check=True)


def ends(processes: list[subprocess.Popen[str]]) -> list[int]:
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert not [text for text in said if "Traceback" in text], said
    return sorted(process.returncode for process in processes)


@pytest.mark.parametrize("begins", ["together", "one first", "one stopped half way before"])
def test_d5_of_two_models_with_room_for_one_one_arrives_and_the_other_keeps_its_hands_off(
    tight: tuple[Bench, Bench], begins: str
) -> None:
    first, second = tight
    if begins == "one stopped half way before":
        with second.start_and_hold(4) as process:
            process.kill()
        first.hub.faults.set()
    first.hub.faults.set(Rule("cdn", range=DATA, times=2, rate_bytes_s=256 << 10))
    processes = [first.start()]
    if begins == "one first":
        until(first.requests, "the first download")
    processes.append(second.start())

    assert ends(processes) == [0, 73]

    there = [model for model in tight if model.gate()[0] == 0]
    assert len(there) == 1
    left = {path.name for path in (first.root / ".blobs").glob("*.part")}
    assert left <= {f"{model.blob().name}.part" for model in tight}


def test_d5_room_for_both_stops_nobody(bench: Bench) -> None:
    two = bench.beside("one"), bench.beside("two")
    for number, model in enumerate(two):
        model.offer(f"{number}-Q4_K_M.gguf", 10 * SEGMENT)
    assert ends([model.start() for model in two]) == [0, 0]


def test_d5_who_waits_for_room_says_so_and_gives_his_turn_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.offer("a-Q4_K_M.gguf")
    seen = list[Any]()

    def no_room(*_: Any) -> bool:
        seen.append([path.name for path in (bench.root / ".slots").iterdir()])
        return len(seen) > 2

    monkeypatch.setattr(Volume, "has_room_beside_others", no_room)
    assert bench.here() == (0, "")
    assert len(seen) == 3
    assert not list((bench.root / ".blobs").glob("*.part*"))


def test_d5_without_locks_who_finds_no_room_ends_so_that_the_job_tries_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.offer("a-Q4_K_M.gguf")
    monkeypatch.setattr(fcntl, "flock", lambda *_: _no_locks())
    monkeypatch.setattr(Volume, "has_room_beside_others", lambda *_: False)
    code, said = bench.here()
    assert (code, "waiting for room" in said) == (74, True), said
    assert bench.hub.log == []


def test_d5_a_part_that_nobody_works_on_needs_no_room(volume: Volume) -> None:
    other = taken(volume)
    dead = Path(volume.blobs) / f"sha256-{'1' * 64}.part"
    dead.write_bytes(b"")
    os.truncate(dead, 1 << 43)
    assert volume.has_room_beside_others(other.file, other.path, proved=True)
    with dead.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not volume.has_room_beside_others(other.file, other.path, proved=True)
    with contextlib.suppress(FencedError):
        other.touch()
    assert not volume.has_room_beside_others(other.file, other.path, proved=False), "it was touched a moment ago"
    os.utime(dead, (1, 1))
    assert volume.has_room_beside_others(other.file, other.path, proved=False)
