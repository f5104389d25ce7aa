"""Volumes that refuse, lie or are full, and things in the way: promises stay true, and the words say what to do."""

import errno
import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pods.volume.files import replace, replace_link
from tests.pods.bench import SEGMENT, Bench, until

BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", sys.executable]


def bound(bench: Bench, patch: str = "") -> list[str]:
    """As in a pod: an owner may not write what is write-protected."""
    if os.getuid() != 0:
        return bench.python_where(patch)
    return [*BOUND[:2], *bench.python_where(patch)]


KILLED = {
    "while the bytes are synced": "os.fsync = lambda fd: os.kill(os.getpid(), signal.{name})",
    "before the receipt": "real = open\n"
    "def opened(path, *more, **named):\n"
    "    if '.ok.' in str(path): os.kill(os.getpid(), signal.{name})\n"
    "    return real(path, *more, **named)\n"
    "builtins.open = opened",
    "before the rename": "real = os.replace\n"
    "def replace(a, b):\n"
    "    if str(a).endswith('.part'): os.kill(os.getpid(), signal.{name})\n"
    "    return real(a, b)\n"
    "os.replace = replace",
}


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("moment", KILLED)
def test_a_part_that_was_write_protected_when_its_run_was_killed_is_taken_up_again(
    bench: Bench, moment: str, name: str
) -> None:
    """Its owner may not open it to write any more, and every later run ended with 73 and a `chown`."""
    content = bench.offer("a-Q4_K_M.gguf")
    # From the second time that a mode is changed: the first is the probe whether the volume has modes.
    patch = f"""
import builtins
def arm():
    global real
{textwrap.indent(KILLED[moment].format(name=name), "    ")}
chmod, seen = os.fchmod, []
def fchmod(fd, mode):
    chmod(fd, mode)
    seen.append(fd)
    len(seen) == 2 and arm()
os.fchmod = fchmod
"""
    code, printed = bench.fetch(via=bound(bench, patch))
    assert code in (-9, 143), printed
    assert bench.blob(0, ".part").stat().st_mode & 0o222 == 0, "or nothing was tried"
    bench.hub.log.clear()

    code, printed = bench.fetch(via=bound(bench))

    assert code == 0, printed
    assert bench.requests() == [], "every byte was there"
    assert bench.blob().read_bytes() == content
    assert bench.blob().stat().st_mode & 0o222 == 0


def test_a_part_that_another_is_about_to_rename_is_left_to_it(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 2 * SEGMENT)
    bench.manifest["backoff_s"] = 0.05
    asleep, go = bench.directory / "asleep", bench.directory / "go"
    slow = (
        "import time\nreal = os.replace\n"
        "def replace(a, b):\n"
        "    if str(a).endswith('.part'):\n"
        f"        open({str(asleep)!r}, 'w').close()\n"
        f"        while not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        "    return real(a, b)\n"
        "os.replace = replace"
    )
    with bench.start(via=bound(bench, slow)) as first:
        until(asleep.exists, "the first fetcher's rename")
        other = bench.beside("other")
        other.manifest |= {"repo": bench.manifest["repo"], "files": bench.manifest["files"]}
        with other.start(via=bound(other)) as second:
            time.sleep(0.3)
            assert second.poll() is None, "it waits"
            go.write_text("")
            assert second.wait(300) == 0
        assert first.wait(300) == 0
    assert bench.blob().read_bytes() == content
    assert bench.blob().stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("number", ["EIO", "EUCLEAN", "EBADMSG"])
def test_a_bad_sector_in_a_dead_run_s_own_part_costs_what_it_had_and_nothing_else(bench: Bench, number: str) -> None:
    """Where locks prove nothing each run begins with what the others left, and each ended with 74 there."""
    content = bench.offer("a-Q4_K_M.gguf")
    part = bench.blob(0, ".0badc0de.part")
    part.parent.mkdir()
    part.write_bytes(content)
    bench.blob(0, ".0badc0de.part.journal").write_text(f"0 {len(content)}\n")
    os.utime(part, (1, 1))
    patch = f"""
def flock(fd, how): raise OSError(errno.ENOLCK, 'No locks available')
fcntl.flock = flock
read, copy = os.pread, os.copy_file_range
def bad(fd): return os.readlink(f'/proc/self/fd/{{fd}}').endswith('.0badc0de.part')
def pread(fd, size, offset):
    if bad(fd) and offset >= {3 * SEGMENT}: raise OSError(errno.{number}, 'Input/output error')
    return read(fd, size, offset)
def copy_file_range(source, *more): raise OSError(errno.EOPNOTSUPP, 'by hand')
os.pread, os.copy_file_range = pread, copy_file_range
"""
    code, printed = bench.fetch(via=bench.python_where(patch))

    assert code == 0, printed
    assert '"not-inherited"' in printed
    assert bench.blob().read_bytes() == content
    assert sum(row["bytes"] for row in bench.requests()) == len(content) - 3 * SEGMENT
    assert not part.exists(), "the next run would meet it again"


FULL = ("ENOSPC", "EDQUOT")


@pytest.mark.parametrize("number", [*FULL, "EIO"])
@pytest.mark.parametrize("what", [".part", ".journal", ".slots/0"])
def test_what_a_network_file_system_tells_at_the_close_of_a_file_that_was_synced_costs_nothing(
    bench: Bench, number: str, what: str
) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    patch = f"""
real, pwrite, write, written = os.close, os.pwrite, os.write, set()
def close(fd):
    at = os.readlink(f'/proc/self/fd/{{fd}}')
    real(fd)
    if fd in written and at.endswith({what!r}): raise OSError(errno.{number}, 'told late')
    written.discard(fd)
os.close = close
os.pwrite = lambda fd, *more: (written.add(fd), pwrite(fd, *more))[1]
os.write = lambda fd, *more: (written.add(fd), write(fd, *more))[1]
"""
    code, printed = bench.fetch(via=bench.python_where(patch))
    assert code == 0, printed
    assert bench.blob().read_bytes() == content


@pytest.mark.parametrize("number", FULL)
@pytest.mark.parametrize("verify", ["always", "receipt"])
def test_a_full_volume_with_everything_present_is_ready(bench: Bench, number: str, verify: str) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest["verify"] = verify
    assert bench.here() == (0, "")
    if verify == "receipt":
        bench.blob(0, ".ok").unlink()
    before = sorted(path.name for path in bench.blob().parent.iterdir())
    full = f"""
import builtins
real = open
def opened(path, mode='r', *more, **named):
    if 'w' in mode and str(path).startswith({str(bench.root)!r}): raise OSError(errno.{number}, 'full', str(path))
    return real(path, mode, *more, **named)
builtins.open = opened
"""
    code, printed = bench.fetch(via=bench.python_where(full))
    assert (code, '"ready"' in printed) == (0, True), printed
    assert sorted(path.name for path in bench.blob().parent.iterdir()) == before
    assert bench.gate()[0] == 0


@pytest.mark.parametrize("number", [*FULL, "EIO", "ESTALE"])
@pytest.mark.parametrize("call", ["pwrite", "fsync", "fdatasync", "write", "replace", "symlink", "ftruncate", "utime"])
@pytest.mark.parametrize("nth", [1, 3])
def test_an_error_at_any_write_ends_in_words_and_the_next_run_ends_well(
    bench: Bench, call: str, number: str, nth: int
) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    patch = f"""
real, left, where = os.{call}, [{nth}], {str(bench.root)!r}
def failing(*given, **named):
    at = os.readlink(f'/proc/self/fd/{{given[0]}}') if isinstance(given[0], int) else str(given[-1])
    if at.startswith(where):
        left[0] -= 1
        if left[0] == 0: raise OSError(errno.{number}, os.strerror(errno.{number}))
    return real(*given, **named)
os.{call} = failing
"""
    code, printed = bench.fetch(via=bench.python_where(patch))
    said = bench.termination.read_text()
    assert code in ((0, 73) if number in FULL else (0, 73, 74)), printed
    assert bool(code) == bool(said)
    assert not code or "enlarge the volume" in said or "the next run" in said or "need both" in said
    assert code == 0 or not (bench.generation / "READY.json").exists() or bench.blob().read_bytes() == content
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content
    assert bench.gate()[0] == 0


def _file(path: Path) -> None:
    path.write_text("a person's")


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "a person's").write_text("")


WAYS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a file where .blobs belongs": (".blobs", _file),
    "a file where the model belongs": ("tiny-q4", _file),
    "a file where the generation belongs": ("tiny-q4/0123456789ab", _file),
    "a directory where current belongs": ("tiny-q4/current", _folder),
    "a directory where the model's link belongs": ("tiny-q4/0123456789ab/model.gguf", _folder),
    "a directory where READY.json belongs": ("tiny-q4/0123456789ab/READY.json", _folder),
}


@pytest.mark.parametrize(("name", "make"), WAYS.values(), ids=WAYS)
def test_what_lies_in_the_way_is_named_and_no_other_try_is_asked_for(
    bench: Bench, name: str, make: Callable[[Path], None]
) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    place = bench.root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    make(place)
    code, printed = bench.fetch()
    said = bench.termination.read_text()
    assert code == 78, printed
    assert str(bench.root / name.split("/")[0]) in said
    assert "only our programs write there" in said
    assert place.exists(), "it is a person's"
    assert not list(bench.root.rglob("*.tmp"))
    if name.endswith(("current", "model.gguf")):
        assert bench.hub.log == [], "before the first byte"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_draft_that_could_not_be_written_or_renamed_is_not_left(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "folder").mkdir()
    for call in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, refuse)
            with pytest.raises(OSError, match=os.strerror(number)):
                replace(str(tmp_path / "x"), {"a": 1})
            if call == "replace":
                with pytest.raises(OSError, match=os.strerror(number)):
                    replace_link(str(tmp_path / "x"), "there")
    with pytest.raises(Exception, match="is not a regular file"):
        replace_link(str(tmp_path / "folder"), "there")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
