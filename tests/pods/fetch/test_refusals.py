"""Volumes and manifests with which a fetch must not begin, or cannot go on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pods.bench import SEGMENT, Bench


@pytest.fixture
def small_volume(bench: Bench) -> Iterator[Path]:
    if os.getuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "small", bench.root], check=True)
    yield bench.root
    subprocess.run(["umount", bench.root], check=True)


@pytest.mark.usefixtures("small_volume")
def test_a_volume_without_room_is_refused_before_the_first_byte(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf", 1 << 20)
    bench.manifest["margin_bytes"] = 2 << 20
    assert bench.fetch()[0] == 73
    assert "1 MiB to fetch and 2 MiB to keep free" in bench.termination.read_text()
    assert bench.hub.log == []


def test_a_volume_that_fills_up_meanwhile_ends_with_73_and_keeps_what_is_there(
    bench: Bench, small_volume: Path
) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 16 * SEGMENT)
    with bench.start_and_hold(4) as process:
        ballast = small_volume / "ballast"
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], check=False, capture_output=True)
        bench.hub.faults.set()
        process.communicate(timeout=300)
    assert process.returncode == 73
    assert "enlarge the volume" in bench.termination.read_text()
    ballast.unlink()
    bench.hub.log.clear()
    assert bench.fetch()[0] == 0
    assert sum(row["bytes"] for row in bench.requests()) <= len(content) - 4 * SEGMENT


def test_a_volume_of_another_owner_says_which_chown_is_needed(bench: Bench) -> None:
    if os.getuid() != 0:
        pytest.skip("a directory of another owner needs root")
    bench.offer("a-Q4_K_M.gguf")
    os.chown(bench.root, 65532, 65532)
    # Root as other users are: bound by permissions.
    code, printed = bench.fetch(via=["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable])
    assert code == 73, printed
    said = bench.termination.read_text()
    assert "belongs to 65532:65532, mode 755" in said
    assert f"chown -R 0:0 {bench.root}`" in said
    assert bench.hub.log == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("id", "../other"), ("id", ".."), ("gen", "../../../etc"), ("repo", "a/b/c"), ("endpoint", "file://x")],
)
def test_a_manifest_that_leaves_the_volume_or_the_repository_is_refused(bench: Bench, key: str, value: str) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest[key] = value
    assert bench.fetch()[0] == 78
    assert bench.hub.log == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("verify", "sometimes"), ("streams", 0), ("slots", -1), ("slots", "2"), ("stall_s", True), ("speed", 1)],
)
def test_a_setting_that_makes_no_sense_is_refused_by_its_name(bench: Bench, key: str, value: Any) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest[key] = value
    assert bench.fetch()[0] == 78
    said = bench.termination.read_text()
    assert key in said
    assert bench.hub.log == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("path", "../../x.gguf"), ("path", "/x.gguf"), ("link", "../x"), ("sha256", "../x"), ("speed", 1), ("size", "1")],
)
def test_a_file_entry_that_leaves_its_place_is_refused(bench: Bench, key: str, value: Any) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest["files"][0][key] = value
    assert bench.fetch()[0] == 78
    assert bench.hub.log == []


def test_a_directory_that_is_a_link_out_of_the_volume_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.offer("a-Q4_K_M.gguf")
    outside = tmp_path / "outside"
    outside.mkdir()
    (bench.root / "tiny-q4").symlink_to(outside)
    assert bench.fetch()[0] == 78
    assert list(outside.iterdir()) == []
