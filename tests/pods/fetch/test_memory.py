"""A file far larger than the memory that the fetcher may use."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pods.bench import Bench

SIZE = 1 << 30
LIMIT_MIB, RSS_MIB = 128, 64


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A memory cgroup with the limit, of version 1 where there is one."""
    v1 = Path("/sys/fs/cgroup/memory")
    parent, limit = (v1, "memory.limit_in_bytes") if v1.is_dir() else (v1.parent, "memory.max")
    group = parent / f"local-llm-test-fetch-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup of our own: {error}")
    try:
        (group / limit).write_text(str(LIMIT_MIB << 20))
        yield group
    except OSError as error:
        pytest.skip(f"no memory limit for a cgroup: {error}")
    finally:
        group.rmdir()


def test_a_file_of_many_times_the_memory_limit_is_fetched_without_an_oom_kill(bench: Bench, cgroup: Path) -> None:
    file = bench.hub.repos.root / bench.manifest["repo"] / "big-Q4_K_M.gguf"
    file.parent.mkdir(parents=True)
    with file.open("wb") as target:
        target.truncate(SIZE)  # a hole: costs the hub neither disk nor time
    bench.lock(file.name, "model.gguf")
    bench.manifest["segment_bytes"] = 16 << 20
    enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'

    peak_kib = 0
    with bench.start(via=["sh", "-c", enter, str(cgroup), sys.executable]) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            peak_kib = max(peak_kib, _peak_kib(status))
            time.sleep(0.05)
        assert process.stdout
        assert process.wait() == 0, process.stdout.read()

    assert (bench.generation / "model.gguf").stat().st_size == SIZE
    bench.blob().unlink()  # pytest keeps the directories of the last runs
    assert 5 << 10 < peak_kib < RSS_MIB << 10, f"{peak_kib >> 10} MiB at the peak"


def _peak_kib(status: Path) -> int:
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
