"""Warm meets damaged files: it says which, takes them away, and goes on with the others."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.pods.bench import Bench
from tests.pods.shelf import gen, sha
from tests.pods.warm.warming import MIB, Warm, evict, random_bytes


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
        raise OSError(5, "Input/output error")
    return real(fd, buffers, offset)
os.preadv = failing
"""
    warm.start(change=change)
    (line,) = warm.wait("unreadable")
    assert "Input/output error" in line["reason"]
    warm.wait("warmed", model="b")
    assert warm.metric("local_llm_warm_errors_total", "a") == 1
