"""Bytes that went bad on the volume: found, set aside, fetched again, and nobody serves them meanwhile."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.hub import Rule
from tests.pods.bench import Bench


@pytest.fixture
def damaged(bench: Bench) -> Bench:
    """A whole model whose blob has a flipped byte and a receipt that fits."""
    bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    flip(bench)
    bench.manifest["verify"] = "always"
    bench.hub.log.clear()
    return bench


def flip(bench: Bench) -> None:
    blob = bench.blob()
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(content)
    receipt = bench.blob(0, ".ok")
    receipt.write_text(json.dumps({**json.loads(receipt.read_text()), "mtime_ns": blob.stat().st_mtime_ns}))


def is_ready(bench: Bench) -> bool:
    return (bench.generation / "READY.json").exists()


def test_a_byte_that_flipped_on_the_volume_is_found_by_verify_always_and_fetched_again(damaged: Bench) -> None:
    before = damaged.blob().read_bytes()

    code, printed = damaged.fetch()

    assert code == 0, printed
    (aside,) = (damaged.root / ".quarantine").iterdir()
    assert re.fullmatch(rf"{damaged.blob().name}\.\d{{10}}", aside.name)
    assert abs(int(aside.suffix[1:]) - time.time()) < 600, "a person sees when"
    assert aside.read_bytes() == before, "moved, not removed: a server may have it mapped"
    assert (damaged.generation / "model.gguf").read_bytes() != before
    assert is_ready(damaged)
    assert damaged.gate()[0] == 0
    facts = next(json.loads(line) for line in printed.splitlines() if '"damaged"' in line)
    assert facts["expected"] == damaged.manifest["files"][0]["sha256"] != facts["got"]


def test_whole_bytes_pass_verify_always_without_a_request_or_a_change(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    bench.manifest["verify"] = "always"
    before = {path: path.lstat().st_ino for path in bench.root.rglob("*") if not path.name.endswith(".ok")}
    bench.hub.log.clear()

    code, printed = bench.fetch()

    assert (code, bench.hub.log) == (0, [])
    assert '"verify"' in printed
    assert {path: path.lstat().st_ino for path in bench.root.rglob("*") if not path.name.endswith(".ok")} == before


def test_a_receipt_that_fits_is_believed_unless_asked_otherwise(damaged: Bench) -> None:
    del damaged.manifest["verify"]
    code, printed = damaged.fetch()
    assert (code, damaged.hub.log) == (0, [])
    assert '"verify"' not in printed, "to hash everything at each run would flush the node's page cache"


def test_nothing_is_ready_while_its_damaged_file_cannot_be_fetched(damaged: Bench) -> None:
    damaged.hub.faults.set(Rule("api", status=503))

    assert damaged.fetch()[0] == 69

    assert not is_ready(damaged)
    code, printed = damaged.gate()
    assert code == 1, "a server that starts now would find a dangling link"
    assert "is withdrawn: a file was found damaged" in printed
    damaged.hub.faults.set()
    assert damaged.fetch()[0] == 0
    assert damaged.gate()[0] == 0


def test_every_model_with_the_damaged_file_is_withdrawn_and_comes_back_without_its_own_job(damaged: Bench) -> None:
    sharer, other = damaged.beside("sharer"), damaged.beside("other")
    sharer.offer("a-Q4_K_M.gguf")
    other.offer("b-Q4_K_M.gguf", 5000)
    for model in (sharer, other):
        del model.manifest["verify"]
        assert model.fetch()[0] == 0
    ready = (sharer.generation / "READY.json").read_text()
    damaged.hub.faults.set(Rule("api", status=503))

    assert damaged.fetch()[0] == 69
    assert [is_ready(model) for model in (damaged, sharer, other)] == [False, False, True]

    damaged.hub.faults.set()
    assert damaged.fetch()[0] == 0
    assert [is_ready(model) for model in (damaged, sharer, other)] == [True, True, True], "a Job that is done stays so"
    assert (sharer.generation / "READY.json").read_text() == ready
    assert not list(damaged.root.rglob("WITHDRAWN.json"))


def test_a_crash_before_the_damaged_file_is_moved_leaves_no_promise_about_it(damaged: Bench) -> None:
    die = "os.kill(os.getpid(), signal.SIGKILL)"
    patch = f"move = os.replace\nos.replace = lambda a, b: {die} if '.quarantine' in b else move(a, b)"

    assert damaged.fetch(via=damaged.python_where(patch))[0] == -9

    assert damaged.blob().exists()
    assert not is_ready(damaged)
    assert damaged.fetch()[0] == 0
    assert is_ready(damaged)


def _truncate(blob: Path) -> None:
    blob.write_bytes(blob.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [_truncate, Path.unlink], ids=["a byte short", "gone"])
def test_a_blob_that_is_short_or_gone_is_seen_without_being_asked(bench: Bench, harm: Callable[[Path], None]) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    bench.blob().chmod(0o644)
    harm(bench.blob())
    assert bench.fetch()[0] == 0
    assert (bench.generation / "model.gguf").read_bytes() == content


@pytest.mark.parametrize("number", ["EIO", "EUCLEAN", "EBADMSG"])
@pytest.mark.parametrize("where", ["begin", "end"])
def test_d10_a_bad_sector_in_a_blob_is_quarantined_and_the_file_is_fetched_again(
    bench: Bench, number: str, where: str
) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 2 << 20)
    assert bench.here() == (0, "")
    bad, first = bench.blob().stat().st_ino, 0 if where == "begin" else 1 << 20
    broken = f"""
read = os.pread
def pread(fd, size, offset):
    if os.fstat(fd).st_ino == {bad} and offset >= {first}:
        raise OSError(errno.{number}, "Input/output error")
    return read(fd, size, offset)
os.pread = pread
"""
    bench.manifest["verify"] = "always"
    code, printed = bench.fetch(via=bench.python_where(broken))
    assert code == 0, printed
    assert "unreadable: Input/output error" in printed
    assert bench.blob().read_bytes() == content
    (aside,) = (bench.root / ".quarantine").iterdir()
    assert aside.stat().st_ino == bad


@pytest.mark.parametrize("times", [1, 2])
def test_d10_a_bad_sector_in_a_part_costs_the_part_and_twice_ends_with_words(bench: Bench, times: int) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    broken = f"""
read, left = os.pread, iter(range({times}))
def pread(fd, size, offset):
    if os.readlink(f"/proc/self/fd/{{fd}}").endswith(".part") and next(left, None) is not None:
        raise OSError(errno.EIO, "Input/output error")
    return read(fd, size, offset)
os.pread = pread
"""
    code, printed = bench.fetch(via=bench.python_where(broken))
    assert code == (0 if times == 1 else 65), printed
    assert "unreadable at 0" in printed
    assert times == 2 or bench.blob().read_bytes() == content
