"""Warm meets damaged files: it says which, takes them away, and goes on with the others."""

import errno
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.pods.bench import Bench
from tests.pods.shelf import gen, sha
from tests.pods.warm.warming import MIB, Warm, evict, random_bytes, resident


def flip(blob: Path) -> None:
    """Another byte under the same size and time, so that the receipt still fits: as a failing disk does it."""
    times = blob.stat()
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    os.utime(blob, ns=(times.st_atime_ns, times.st_mtime_ns))
    evict(blob)


def test_a_flipped_byte_is_quarantined_and_every_generation_that_names_it_closes(warm: Warm) -> None:
    blob, _ = warm.model("a", random_bytes(2 * MIB), b"right")
    warm.model("b", random_bytes(2 * MIB), number=3)
    warm.model("c", random_bytes(MIB, 9))
    flip(blob)
    blob.with_name(f"{blob.name}.ok").write_text("{}")
    warm.start()
    (line,) = warm.wait("corrupt")
    warm.wait("warmed", model="c")

    expected = sha(random_bytes(2 * MIB))
    assert line["expected"] == expected
    (aside,) = (warm.shelf.root / ".quarantine").iterdir()
    assert line["got"] == sha(aside.read_bytes()) != expected
    assert line["file"] == str(warm.shelf.root / "a" / gen(1) / "model-00001-of-00002.gguf")
    assert line["next"] == "`kubectl delete job fetch-a fetch-b`, then `pulumi up --refresh`"
    assert re.fullmatch(rf"sha256-{expected}\.\d+", aside.name)
    left = {path.name for path in warm.shelf.root.rglob("*") if expected in path.name}
    assert left == {aside.name}, "neither the blob nor its receipt"
    closed = [warm.shelf.root / "a" / gen(1), warm.shelf.root / "b" / gen(3)]
    assert [path for path in closed if (path / "READY.json").exists()] == []
    assert warm.metric("local_llm_weights_corrupt_total", "a") == 1
    assert warm.metric("local_llm_weights_corrupt_total", "b") == 1, "its alarm should name every model it hits"
    assert warm.metric("local_llm_weights_corrupt_total", "c") == 0


def test_a_fetch_repairs_what_was_quarantined_and_it_is_read_again(warm: Warm, bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    blob = bench.blob()
    flip(blob)
    fetch = bench.manifest
    files = [{key: file[key] for key in ("link", "size", "sha256")} for file in fetch["files"]]
    model = {"id": fetch["id"], "gen": fetch["gen"], "priority": 0, "files": files}
    warm.manifest |= {"root": str(bench.root), "models": [model]}
    warm.start()
    warm.wait("corrupt")
    awaited = {key: model[key] for key in ("id", "gen")}
    awaited["files"] = [{key: file[key] for key in ("link", "size")} for file in files]
    gate = {"root": str(bench.root), "models": [awaited], "timeout_s": 0}
    assert "READY.json is withdrawn" in warm.shelf.run("gate", gate, code=1)[-1]["reason"]

    assert bench.fetch()[0] == 0
    assert (bench.generation / "model.gguf").read_bytes() == content
    warm.wait("warmed")
    assert warm.metric("local_llm_warm_complete", fetch["id"]) == 1


def test_on_a_volume_mounted_read_only_damage_is_told_and_counted(warm: Warm) -> None:
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    (blob,) = warm.model("a", random_bytes(MIB))
    flip(blob)
    root = warm.shelf.root
    subprocess.run(["mount", "--bind", root, root], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", root], check=True)
        warm.start()
        (line,) = warm.wait("corrupt")
        assert line["set_aside"] is False
        assert "Read-only file system" in line["reason"]
        assert f"remove the READY.json beside it and {blob}" in line["next"]
        assert warm.metric("local_llm_weights_corrupt_total", "a") == 1
    finally:
        if warm.process:
            warm.process.kill()
            warm.process.wait()
        subprocess.run(["umount", root], check=True)


def test_a_byte_flipped_in_memory_only_costs_a_second_reading(warm: Warm) -> None:
    (blob,) = warm.model("a", random_bytes(MIB))
    change = """
real = os.preadv
def once(fd, buffers, offset):
    os.preadv = real
    got = real(fd, buffers, offset)
    buffers[0][0] ^= 1
    return got
os.preadv = once
"""
    warm.start(change=change)
    warm.wait("healed")
    warm.wait("warmed", model="a")
    assert blob.exists()
    assert warm.metric("local_llm_weights_corrupt_total", "a") == 0


def test_a_file_that_cannot_be_read_is_counted_and_the_others_go_on(warm: Warm) -> None:
    warm.model("a", random_bytes(MIB), priority=9)
    warm.model("b", b"there")
    change = """
real = os.preadv
def failing(fd, buffers, offset):
    if len(buffers[0]) > 100:
        raise OSError(13, "Permission denied")
    return real(fd, buffers, offset)
os.preadv = failing
"""
    warm.start(change=change)
    (line,) = warm.wait("unreadable")
    assert "Permission denied" in line["reason"]
    warm.wait("warmed", model="b")
    assert warm.metric("local_llm_warm_errors_total", "a") == 1


BAD_SECTOR = """
real, left = os.preadv, [{times}]
def failing(fd, buffers, offset):
    if os.fstat(fd).st_ino == {inode} and offset >= {offset} and left[0]:
        left[0] -= 1
        raise OSError({number}, "Input/output error")
    return real(fd, buffers, offset)
os.preadv = failing
"""


@pytest.mark.parametrize("number", [errno.EIO, errno.EUCLEAN, errno.EBADMSG])
@pytest.mark.parametrize("offset", [0, 8 * MIB], ids=["begin", "end"])
def test_a_bad_sector_is_set_aside_like_a_wrong_byte_and_a_fetch_repairs_it(
    warm: Warm, bench: Bench, number: int, offset: int
) -> None:
    """It was counted, and the model stayed ready: a load of it ended with a bus error."""
    content = bench.offer("a-Q4_K_M.gguf", 9 * MIB)
    assert bench.here() == (0, "")
    files = [{key: file[key] for key in ("link", "size", "sha256")} for file in bench.manifest["files"]]
    model = {"id": "tiny-q4", "gen": bench.manifest["gen"], "priority": 0, "files": files}
    warm.shelf.root = bench.root
    warm.model("b", b"there")
    warm.manifest |= {"root": str(bench.root), "models": [model, *warm.manifest["models"]]}
    bad = bench.blob().stat().st_ino
    warm.start(change=BAD_SECTOR.format(inode=bad, offset=offset, number=number, times=-1))

    (line,) = warm.wait("corrupt")

    assert (line["set_aside"], line["got"]) == (True, "unreadable: Input/output error")
    assert line["next"] == "`kubectl delete job fetch-tiny-q4`, then `pulumi up --refresh`"
    assert warm.metric("local_llm_weights_corrupt_total", "tiny-q4") == 1
    assert warm.metric("local_llm_weights_corrupt_total", "b") == 0
    warm.wait("warmed", model="b")
    assert "READY.json is withdrawn" in bench.gate()[1]
    (aside,) = (bench.root / ".quarantine").iterdir()
    assert aside.stat().st_ino == bad
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content
    warm.wait("warmed", model="tiny-q4")


def test_a_volume_that_fails_once_costs_a_second_reading_and_nothing_is_set_aside(warm: Warm) -> None:
    (blob,) = warm.model("a", random_bytes(MIB))
    warm.start(change=BAD_SECTOR.format(inode=blob.stat().st_ino, offset=0, number=errno.EIO, times=1))
    (line,) = warm.wait("healed")
    assert "only the first reading was wrong (unreadable: Input/output error)" in line["reason"]
    warm.wait("warmed", model="a")
    assert warm.metric("local_llm_weights_corrupt_total", "a") == 0
    assert warm.metric("local_llm_warm_read_bytes_total") == MIB


@pytest.mark.parametrize("call", ["rename", "makedirs", "scandir"])
def test_a_server_that_is_away_is_no_damage(warm: Warm, call: str) -> None:
    """Every read and every change fails: then it is not one file, and no alarm about weights is raised."""
    (blob,) = warm.model("a", random_bytes(MIB))
    names = {"rename": ("replace",), "makedirs": ("makedirs",), "scandir": ("scandir",)}[call]
    away = "".join(f"os.{name} = away\n" for name in names)
    change = f"def away(*_, **__): raise OSError(5, 'Input/output error')\n{away}"
    warm.start(change=BAD_SECTOR.format(inode=blob.stat().st_ino, offset=0, number=5, times=-1) + change)
    (line,) = warm.wait("unreadable")
    assert "Input/output error" in line["reason"]
    assert warm.metric("local_llm_weights_corrupt_total", "a") == 0
    assert warm.metric("local_llm_warm_errors_total", "a") == 1
    assert blob.exists()


def test_a_budget_is_not_larger_after_a_bad_sector(warm: Warm) -> None:
    (blob,) = warm.model("a", random_bytes(17 * MIB), priority=9)
    (other,) = warm.model("b", random_bytes(40 * MIB, 2))
    warm.manifest["memory_limit_bytes"] = (128 + 24) * MIB
    warm.start(change=BAD_SECTOR.format(inode=blob.stat().st_ino, offset=16 * MIB, number=5, times=-1))
    warm.wait("corrupt")
    warm.wait("budget", model="b")
    assert resident(other) <= 25 * MIB


def test_a_pipe_where_a_blob_belongs_holds_up_no_scrape(warm: Warm) -> None:
    (blob,) = warm.model("a", random_bytes(MIB))
    warm.model("b", b"there")
    blob.unlink()
    os.mkfifo(blob)
    warm.start()
    warm.wait("warmed", model="b")
    assert warm.metric("local_llm_weights_resident_bytes", "a") == 0
    assert "has 0 bytes, not" in warm.wait("waiting")[0]["reason"]
