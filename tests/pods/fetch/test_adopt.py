"""Weights that lie on the volume already, as people put them there: never fetched, never harmed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pods.bench import Bench

NAME = "Qwen3-8B-Q4_K_M.gguf"


def put(bench: Bench, content: bytes, place: str = f"tiny-q4/{NAME}") -> Path:
    old = bench.root / place
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_bytes(content)
    return old


def test_a_file_of_an_old_layout_is_copied_and_nothing_is_asked(bench: Bench) -> None:
    content = bench.offer(NAME)
    old = put(bench, content)
    before = old.stat()

    code, printed = bench.fetch()

    assert (code, bench.hub.log) == (0, []), printed
    assert '"adopted"' in printed
    assert (bench.generation / "model.gguf").read_bytes() == content
    after = old.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (before.st_mode, before.st_mtime_ns, 1)
    assert '"verify"' not in bench.fetch()[1], "it has a receipt like any other"


OVERWRITES = {
    "in place": lambda old, _: old.write_bytes(b"!" * old.stat().st_size),
    "cut": lambda old, _: os.truncate(old, 5),
    "longer": lambda old, found: os.truncate(old, found.st_size + 4),
    "with its time put back": lambda old, found: (old.write_bytes(b"!" * found.st_size), os.utime(old, ns=(0, 0))),
    "by another link to it": lambda old, _: (old.parent / "second").write_bytes(b"!"),
    "its mode": lambda old, _: old.chmod(0o777),
}


@pytest.mark.parametrize("overwrite", OVERWRITES.values(), ids=OVERWRITES)
def test_d1_what_happens_to_the_old_name_never_reaches_what_is_served(bench: Bench, overwrite: Any) -> None:
    content = bench.offer(NAME)
    old = put(bench, content)
    os.link(old, old.parent / "second")
    with old.open("r+b") as still_open:
        assert bench.here() == (0, "")
        overwrite(old, old.stat())
        still_open.write(b"written by who had it open")
        still_open.flush()

    assert bench.blob().read_bytes() == content
    assert (bench.blob().stat().st_nlink, bench.blob().stat().st_mode & 0o777) == (1, 0o444)
    assert bench.gate()[0] == 0


@pytest.mark.parametrize("written", [False, True], ids=["still right", "overwritten since"])
def test_d1_a_blob_that_an_older_program_linked_gets_an_inode_of_its_own(bench: Bench, written: bool) -> None:
    content = bench.offer(NAME)
    assert bench.here() == (0, "")
    old = bench.root / "old.gguf"
    os.link(bench.blob(), old)
    if written:
        old.chmod(0o644)
        receipt = old.stat().st_mtime_ns
        old.write_bytes(b"!" * len(content))
        os.utime(old, ns=(receipt, receipt))

    assert bench.here() == (0, "")

    assert not old.samefile(bench.blob())
    assert bench.blob().read_bytes() == content
    assert (bench.root / ".quarantine").exists() == written


def test_d1_a_blob_with_a_second_name_is_served_and_named_where_there_is_no_room_for_a_copy(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.offer(NAME)
    assert bench.here() == (0, "")
    os.link(bench.blob(), bench.root / "old.gguf")
    bench.manifest["margin_bytes"] = 1 << 44
    assert bench.here() == (0, "")
    assert "by which somebody may write into it" in capfd.readouterr().out


def test_d1_a_part_that_has_a_second_name_is_never_written(bench: Bench) -> None:
    content = bench.offer(NAME)
    put(bench, b"somebody's", "mine")
    (bench.root / ".blobs").mkdir()
    os.link(bench.root / "mine", bench.blob(0, ".part"))
    assert bench.here() == (0, "")
    assert (bench.root / "mine").read_bytes() == b"somebody's"
    assert bench.blob().read_bytes() == content


def test_d1_without_room_for_a_copy_it_says_how_the_file_itself_can_be_taken(bench: Bench) -> None:
    content = bench.offer(NAME)
    old = put(bench, content)
    bench.manifest["margin_bytes"] = 1 << 44

    code, said = bench.here()

    assert code == 73
    assert f"`mv {old} {bench.blob()}`" in said
    old.rename(bench.blob())
    assert bench.here() == (0, ""), "the advice works"
    assert bench.hub.log == []
    assert bench.blob().read_bytes() == content


def test_the_parts_of_a_split_model_are_found_one_by_one_and_only_the_rest_is_fetched(bench: Bench) -> None:
    names = [f"model-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    parts = [bench.offer(f"a-0000{n}-of-00003.gguf", 5000, name) for n, name in zip((1, 2, 3), names, strict=True)]
    put(bench, parts[0], "downloads/one")
    put(bench, parts[2], "downloads/deep/er/three")

    assert bench.fetch()[0] == 0

    assert [row["bytes"] for row in bench.requests()] == [5000]
    assert [(bench.generation / name).read_bytes() for name in names] == parts


def test_a_file_of_the_right_size_with_other_bytes_is_left_alone(bench: Bench) -> None:
    content = bench.offer(NAME)
    old = put(bench, content[::-1])
    before = old.stat()

    code, printed = bench.fetch()

    assert code == 0, printed
    assert sum(row["bytes"] for row in bench.requests()) == len(content)
    assert old.read_bytes() == content[::-1]
    assert (old.stat().st_mtime_ns, old.stat().st_mode, old.stat().st_nlink) == (
        before.st_mtime_ns,
        before.st_mode,
        1,
    ), "it belongs to somebody"


def test_a_file_of_another_size_is_not_even_opened(bench: Bench) -> None:
    content = bench.offer(NAME)
    old = put(bench, content + b"!")
    tell = "lambda event, args: event == 'open' and os.write(1, f'opened {args[0]}\\n'.encode())"
    code, printed = bench.fetch(via=bench.python_where(f"sys.addaudithook({tell})"))
    assert code == 0, printed
    assert f"opened {bench.blob(0, '.part')}" in printed, "or nothing was watched"
    assert str(old) not in printed


def test_what_prune_set_aside_is_taken_back_by_a_rollback_and_nothing_is_asked(bench: Bench) -> None:
    content = bench.offer(NAME)
    put(bench, content, f".trash/blobs/sha256-{bench.manifest['files'][0]['sha256']}.1700000000")

    code, printed = bench.fetch()

    assert code == 0, printed
    assert '"adopted"' in printed
    assert bench.requests() == []
    assert bench.blob().read_bytes() == content


def test_links_are_not_followed_and_what_was_set_aside_is_not_taken_back(bench: Bench, tmp_path: Path) -> None:
    content = bench.offer(NAME)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / NAME).write_bytes(content)
    (bench.root / "elsewhere").symlink_to(outside)
    (bench.root / "loop").symlink_to(bench.root)
    (bench.root / "link.gguf").symlink_to(outside / NAME)
    for place in (".trash", ".quarantine"):
        put(bench, content, f"{place}/sha256-x")

    code, printed = bench.fetch()

    assert code == 0
    assert '"adopted"' not in printed
    assert sum(row["bytes"] for row in bench.requests()) == len(content)


@pytest.mark.parametrize("refused", ["link", "copy_file_range"])
def test_where_the_file_system_can_do_less_the_file_is_copied_by_hand(bench: Bench, refused: str) -> None:
    content = bench.offer(NAME)
    old = put(bench, content)
    refuse = f"def no(*a, **k): raise OSError(errno.EOPNOTSUPP, 'Operation not supported')\nos.{refused} = no"

    code, printed = bench.fetch(via=bench.python_where(refuse))

    assert (code, bench.hub.log) == (0, []), printed
    assert old.read_bytes() == (bench.generation / "model.gguf").read_bytes() == content


@pytest.mark.parametrize("kills", [1, 6])
def test_d8_adoption_killed_any_number_of_times_goes_on_and_leaves_nothing(bench: Bench, kills: int) -> None:
    content = bench.offer(NAME)
    put(bench, content)
    die = """
copies = iter(range(2))
def dying(*given):
    if next(copies, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return copy(*given)
copy, os.copy_file_range = os.copy_file_range, dying
"""
    for number in range(kills):
        code, printed = bench.fetch(via=bench.python_where(die))
        assert code == (-9 if number < 4 else 0), printed
        assert len(list((bench.root / ".blobs").iterdir())) <= 2, "one part and its journal, however often"
        assert bench.journal_lines() == min(2 * (number + 1), 10) if code else True
    assert bench.fetch()[0] == 0
    assert bench.hub.log == []
    names = {path.name for path in (bench.root / ".blobs").iterdir()}
    assert names == {bench.blob(0, suffix).name for suffix in ("", ".ok")}


def test_d8_a_download_goes_on_with_what_a_killed_adoption_copied(bench: Bench) -> None:
    content = bench.offer(NAME)
    old = put(bench, content)
    die = "os.copy_file_range = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    assert bench.fetch(via=bench.python_where(die))[0] == -9
    part, journal = bench.blob(0, ".part"), bench.blob(0, ".part.journal")
    part.write_bytes(content[: len(content) // 2] + bytes(len(content) // 2))
    journal.write_text(f"0 {len(content) // 2}\n")
    old.unlink()
    assert bench.here() == (0, "")
    assert sum(row["bytes"] for row in bench.requests()) == len(content) // 2


@pytest.fixture
def other_disk(bench: Bench) -> Iterator[Path]:
    if os.getuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    place = bench.root / "other-disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "other", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_file_on_another_file_system_is_copied_and_the_original_stays(bench: Bench, other_disk: Path) -> None:
    content = bench.offer(NAME)
    (other_disk / NAME).write_bytes(content)

    code, printed = bench.fetch()

    assert (code, bench.hub.log) == (0, []), printed
    assert (bench.generation / "model.gguf").read_bytes() == content
    assert (other_disk / NAME).read_bytes() == content


def test_a_directory_that_may_not_be_read_is_one_line_not_the_end(bench: Bench) -> None:
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("to be bound by permissions, root needs setpriv; as another user, a foreign directory needs root")
    content = bench.offer(NAME)
    put(bench, content)
    for name in ("lost+found", "private"):
        (bench.root / name).mkdir(mode=0o700)
        os.chown(bench.root / name, 65532, 65532)

    via = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable]
    code, printed = bench.fetch(via=via)

    assert (code, bench.hub.log) == (0, []), printed
    (line,) = [text for text in printed.splitlines() if '"not-searched"' in text]
    assert "lost+found" in line
    assert "private" in line


def test_a_part_that_a_killed_fetch_left_goes_when_the_whole_file_turns_up(bench: Bench) -> None:
    content = bench.offer(NAME)
    with bench.start_and_hold(4) as process:
        process.kill()
    bench.hub.faults.set()
    bench.hub.log.clear()
    put(bench, content)

    assert (bench.fetch()[0], bench.hub.log) == (0, [])
    names = {path.name for path in (bench.root / ".blobs").iterdir()}
    assert names == {bench.blob(0, suffix).name for suffix in ("", ".ok")}
