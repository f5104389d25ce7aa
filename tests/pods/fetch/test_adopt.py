"""Weights that lie on the volume already, as people put them there: never fetched, never harmed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pods.bench import Bench

NAME = "Qwen3-8B-Q4_K_M.gguf"


def put(bench: Bench, content: bytes, place: str = f"tiny-q4/{NAME}") -> Path:
    old = bench.root / place
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_bytes(content)
    return old


def test_a_file_of_an_old_layout_is_linked_and_nothing_is_asked(bench: Bench) -> None:
    content = bench.offer(NAME)
    old = put(bench, content)

    code, printed = bench.fetch()

    assert (code, bench.hub.log) == (0, []), printed
    assert '"adopted"' in printed
    assert (bench.generation / "model.gguf").samefile(old), "the same bytes, not a second copy of them"
    assert old.stat().st_mode & 0o777 == 0o444, "written in place, it would change under a server"
    assert '"verify"' not in bench.fetch()[1], "it has a receipt like any other"


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


def test_where_hard_links_are_not_allowed_the_file_is_moved_and_a_link_stays(bench: Bench) -> None:
    content = bench.offer(NAME)
    old = put(bench, content)
    refuse = "def link(*a, **k): raise PermissionError(errno.EPERM, 'Operation not permitted')\nos.link = link"

    code, printed = bench.fetch(via=bench.python_where(refuse))

    assert (code, bench.hub.log) == (0, []), printed
    assert old.is_symlink()
    assert not os.readlink(old).startswith("/"), "the volume may be mounted elsewhere"
    assert old.read_bytes() == (bench.generation / "model.gguf").read_bytes() == content


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
