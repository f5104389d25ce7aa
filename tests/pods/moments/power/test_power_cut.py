"""The power fails on a node whose volume is a real ext4: little is fetched again, and nothing wrong is promised."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.hub import Rule
from tests.pods.bench import DATA, Bench, until
from tests.pods.moments.power import ext4
from tests.pods.moments.power.ext4 import Ext4
from tests.soak import SOAK

SEGMENT = 1 << 20
SEGMENTS = 24
LOST_SEGMENTS = 4
# Nothing is written back but what the program syncs; and as most volumes are.
OPTIONS = ["commit=300,noauto_da_alloc", "defaults"]
# Stops itself right before or after a call, as long as it takes to lose the power.
STOP = """
def stopping(name, part, after):
    call = getattr(os, name)
    def instead(*given, **named):
        ours = part in str(given[-1])
        if ours and not after:
            os.kill(os.getpid(), signal.SIGSTOP)
        done = call(*given, **named)
        if ours and after:
            os.kill(os.getpid(), signal.SIGSTOP)
        return done
    setattr(os, name, instead)
"""
MOMENTS = {
    "before the receipt": "stopping('replace', '.ok', False)",
    "after the receipt": "stopping('replace', '.ok', True)",
    "after the links": "stopping('replace', 'model.gguf', True)",
    "before READY": "stopping('replace', 'READY.json', False)",
    "after READY": "stopping('replace', 'READY.json', True)",
    "after current": "stopping('replace', 'current', True)",
}


@pytest.fixture(scope="session")
def disks() -> Iterator[Path]:
    with ext4.place() as place:
        yield place


@pytest.fixture(params=OPTIONS)
def disk(disks: Path, bench: Bench, request: pytest.FixtureRequest) -> Iterator[Ext4]:
    """The volume of `bench`; what `lose_power` makes of it is unmounted too."""
    (here := disks / bench.directory.name).mkdir()
    disk = Ext4(here, "before", str(request.param))
    disk.make()
    disk.attach()
    use(bench, disk)
    bench.manifest["segment_bytes"] = SEGMENT
    yield disk
    for mount in here.iterdir():
        if mount.is_mount():
            subprocess.run(["umount", mount], check=True)
    shutil.rmtree(here)


def use(bench: Bench, disk: Ext4) -> None:
    bench.root = disk.mount
    bench.manifest["root"] = str(disk.mount)


def lose_power(bench: Bench, disk: Ext4, process: "subprocess.Popen[str] | None" = None) -> None:
    """The process ends, and the volume is what a machine finds when its power is back."""
    after = Ext4(disk.image.parent, "after", disk.options)
    disk.cut(after)
    if process:
        process.kill()
    use(bench, after)
    bench.hub.faults.set()
    bench.hub.log.clear()


def fetched(bench: Bench, content: bytes) -> int:
    """What the next run promises is right, whatever it finds; returns how many segments it had to fetch."""
    link = bench.generation / "model.gguf"
    if (bench.generation / "READY.json").exists():
        assert link.read_bytes() == content, "READY over wrong bytes"
    code, printed = bench.fetch()
    assert code == 0, printed
    assert link.read_bytes() == content
    assert bench.gate()[0] == 0
    return sum(row["bytes"] for row in bench.requests()) // SEGMENT


def journaled(bench: Bench) -> int:
    """Segments that the journal vouches for, as the running system sees it."""
    journal = bench.blob(0, ".part.journal")
    lines = journal.read_text().splitlines() if journal.exists() else []
    return sum(int(line.split()[1]) for line in lines if line) // SEGMENT


def cut_after(bench: Bench, disk: Ext4, segments: int, patch: str = "") -> int:
    """The power fails when so many segments are in the journal; returns how many there really were."""
    bench.hub.faults.set(Rule("cdn", range=DATA, rate_bytes_s=4 << 20))
    with bench.start(via=bench.python_where(patch)) as process:
        until(lambda: journaled(bench) >= segments or process.poll() is not None, f"{segments} segments")
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        had = journaled(bench)
        lose_power(bench, disk, process)
    return had


@pytest.mark.parametrize("segments", [5, 16] if not SOAK else range(1, SEGMENTS - 4))
def test_a_power_cut_on_the_way_costs_at_most_four_segments(bench: Bench, disk: Ext4, segments: int) -> None:
    content = bench.offer("a-Q4_K_M.gguf", SEGMENTS * SEGMENT)
    had = cut_after(bench, disk, segments)
    assert fetched(bench, content) <= SEGMENTS - had + LOST_SEGMENTS


@pytest.mark.parametrize("disk", OPTIONS[:1], indirect=True)
def test_a_fetch_that_syncs_nothing_would_lose_more(bench: Bench, disk: Ext4) -> None:
    """The check above can fail."""
    content = bench.offer("a-Q4_K_M.gguf", SEGMENTS * SEGMENT)
    had = cut_after(bench, disk, 12, "os.fsync = os.fdatasync = lambda _: None")
    assert fetched(bench, content) > SEGMENTS - had + LOST_SEGMENTS


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_power_cut_while_it_is_published_promises_nothing_wrong(bench: Bench, disk: Ext4, moment: str) -> None:
    content = bench.offer("a-Q4_K_M.gguf", SEGMENTS * SEGMENT)
    with bench.start(via=bench.python_where(f"{STOP}{moment}")) as process:
        os.waitpid(process.pid, os.WUNTRACED)
        lose_power(bench, disk, process)
    assert fetched(bench, content) <= LOST_SEGMENTS


def test_a_power_cut_after_the_end_costs_nothing_of_what_was_promised(bench: Bench, disk: Ext4) -> None:
    content = bench.offer("a-Q4_K_M.gguf", SEGMENTS * SEGMENT)
    assert bench.fetch()[0] == 0
    lose_power(bench, disk)
    assert fetched(bench, content) <= LOST_SEGMENTS
