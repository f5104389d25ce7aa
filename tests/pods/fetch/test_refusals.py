"""Volumes and manifests with which a fetch must not begin, or cannot go on."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
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


BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", sys.executable]


def test_d6_a_model_s_directory_of_another_owner_without_current_ends_with_its_name(bench: Bench) -> None:
    if os.getuid() != 0:
        pytest.skip("a directory of another owner needs root")
    bench.offer("a-Q4_K_M.gguf")
    assert bench.here() == (0, "")
    (bench.root / "tiny-q4" / "current").unlink()
    os.chown(bench.root / "tiny-q4", 65532, 65532)
    code, printed = bench.fetch(via=BOUND)
    assert code == 73, printed
    assert f"chown -R 0:0 {bench.root / 'tiny-q4'}`" in bench.termination.read_text()


PLACES = (".blobs", ".slots", ".quarantine", ".trash", ".published")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["a link", "a dangling link"])
def test_d11_a_directory_of_ours_that_is_a_link_is_refused_and_nothing_is_written_there(
    bench: Bench, tmp_path: Path, place: str, kind: str
) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    outside = tmp_path / "outside"
    if kind == "a link":
        outside.mkdir()
    (bench.root / place).symlink_to(outside)
    code, said = bench.here()
    assert code == 78
    assert f"{bench.root / place} is a link and leads outside of the volume" in said
    assert not outside.exists() or list(outside.iterdir()) == []
    assert bench.hub.log == []


def _link(path: Path) -> None:
    target = path.parent.parent.parent / "target"
    target.write_bytes(b"somebody's")
    path.symlink_to(target)


FOREIGN: dict[str, Callable[[Path], None]] = {
    "a link": _link,
    "a dangling link": lambda path: path.symlink_to("/nowhere/at/all"),
    "a pipe": lambda path: os.mkfifo(path),
    "a directory": lambda path: path.mkdir(),
    "a socket": lambda path: _socket(path),
}


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("s")
        os.rename("s", path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("suffix", [".part", ".part.journal", ".part.journal.tmp"])
def test_d11_what_is_no_file_where_a_part_or_its_journal_belongs_is_refused_without_waiting(
    bench: Bench, suffix: str, make: Callable[[Path], None]
) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    (bench.root / ".blobs").mkdir()
    make(bench.blob(0, suffix))
    code, said = bench.here()
    assert (code, f"{bench.blob(0, suffix)} is not a regular file" in said) == (78, True), said
    target = bench.directory / "target"
    assert not target.exists() or target.read_bytes() == b"somebody's"


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("name", ["READY.json", "blob", "receipt"])
def test_d11_what_is_no_file_where_a_promise_belongs_promises_nothing(
    bench: Bench, name: str, make: Callable[[Path], None]
) -> None:
    content = bench.offer("a-Q4_K_M.gguf", SEGMENT)
    assert bench.here() == (0, "")
    place = {"READY.json": bench.generation / name, "blob": bench.blob(), "receipt": bench.blob(0, ".ok")}[name]
    place.unlink()
    make(place)
    if name == "READY.json":
        assert bench.gate()[0] == 1
    if make is not FOREIGN["a directory"] or name == "blob":
        assert bench.here() == (0, "")
        assert (bench.blob().is_symlink(), bench.blob().read_bytes()) == (False, content)
        assert bench.gate()[0] == 0
    else:
        code, said = bench.here()
        assert (code, f"{place} is not a regular file" in said) == (78, True), said


@pytest.fixture
def read_only(bench: Bench) -> Iterator[Callable[[], None]]:
    """Makes the volume read-only when called."""
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "--bind", bench.root, bench.root], check=True)
    yield lambda: subprocess.run(["mount", "-o", "remount,ro,bind", bench.root], check=True) and None
    subprocess.run(["umount", "-l", bench.root], check=True)


@pytest.mark.parametrize("verify", ["receipt", "always"])
@pytest.mark.parametrize("lacks", ["nothing", "a receipt"])
def test_d10_a_read_only_volume_with_everything_present_is_ready(
    bench: Bench, read_only: Callable[[], None], verify: str, lacks: str
) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    bench.manifest["verify"] = verify
    assert bench.here() == (0, "")
    if lacks == "a receipt":
        bench.blob(0, ".ok").unlink()
    read_only()
    code, printed = bench.fetch()
    assert (code, '"ready"' in printed) == (0, True), printed
    assert bench.gate()[0] == 0


@pytest.mark.parametrize("lack", ["model.gguf", "READY.json", "current", "blob"])
def test_d10_a_read_only_volume_that_lacks_something_says_that_it_is_read_only(
    bench: Bench, read_only: Callable[[], None], lack: str
) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    assert bench.here() == (0, "")
    places = {"blob": bench.blob(), "current": bench.generation.parent / "current"}
    places.get(lack, bench.generation / lack).unlink()
    read_only()
    code, printed = bench.fetch()
    assert code == 73, printed
    assert "is mounted read-only" in bench.termination.read_text()


@pytest.mark.parametrize("call", ["symlink", "fchmod"])
@pytest.mark.parametrize("number", ["EPERM", "EOPNOTSUPP", "ENOSYS"])
def test_d10_a_mount_without_links_or_modes_is_found_before_the_first_byte(
    bench: Bench, call: str, number: str
) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    refuse = f"def no(*a, **k): raise OSError(errno.{number}, 'not here')\nos.{call} = no"
    code, printed = bench.fetch(via=bench.python_where(refuse))
    assert code == 73, printed
    assert "this file system has no symbolic links, or no file modes (not here)" in bench.termination.read_text()
    assert bench.hub.log == []
    assert not list(bench.root.rglob("*.tmp"))
