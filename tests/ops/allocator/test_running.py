"""A program that somebody named and that may be anything: a wrapper, one that never ends, one that prints for ever."""

import time
from pathlib import Path

import pytest

from ops.allocator import program
from ops.allocator.program import Program
from ops.allocator.question import HeaderFile, Question, SilentError, ask, model
from ops.allocator.running import running
from ops.base.errors import OpsError
from tests.ops.allocator import recorded, server

LONG_S = 60  # an answer within a second, on whatever machine; the programs here sleep for ten minutes


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def is_gone(pid: int) -> bool:
    """Whether no such process runs any more; a dead one may still have its entry."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def is_soon_gone(pid: int) -> bool:
    end = time.monotonic() + LONG_S
    while not is_gone(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return is_gone(pid)


WRAPPERS = {
    "that waits for its own child": "sleep 600 & echo $! > child; wait",
    "that ends before its own child": "sleep 600 & echo $! > child; exit 1",
    "that has a shell between": "sh -c 'echo $$ > child; sleep 600; true'",
}


@pytest.mark.parametrize("line", WRAPPERS.values(), ids=WRAPPERS)
def test_the_child_of_a_wrapper_holds_up_nobody_and_ends_with_it(tmp_path: Path, line: str) -> None:
    path, begun = script(tmp_path / "llama-server", f"cd {tmp_path}", line), time.monotonic()

    header = HeaderFile("model.gguf", b"GGUF", 1 << 20)
    with model([header]) as there, pytest.raises(SilentError, match="has not answered within 2 s"):
        ask(Program(path, 1), there, [], Question(512), answer_s=2)

    assert time.monotonic() - begun < LONG_S
    assert is_soon_gone(int((tmp_path / "child").read_text()))


def test_an_interrupt_leaves_no_child_behind(tmp_path: Path) -> None:
    path = script(tmp_path / "wrapper", "sleep 600 & echo $!", "wait")

    def interrupted() -> None:
        with running([str(path)], {"PATH": "/usr/bin:/bin"}, LONG_S) as lines:
            pids.append(int(next(lines)))
            raise KeyboardInterrupt

    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert is_soon_gone(pids[0])


def test_of_one_that_prints_for_ever_a_mebibyte_is_read(tmp_path: Path) -> None:
    path = script(tmp_path / "llama-server", "head -c 9000000000 /dev/zero", f"touch {tmp_path / 'read'}")

    with pytest.raises(OpsError, match="says no build of"):
        program.find(str(path))

    assert not (tmp_path / "read").exists(), "it was stopped in the middle of it"


def test_one_that_goes_on_after_its_answer_is_not_waited_for(tmp_path: Path) -> None:
    path = server.write(tmp_path / "real")
    wrapper = script(tmp_path / "llama-server", f'{path} "$@"', "sleep 600")
    begun = time.monotonic()

    assert program.find(str(wrapper)) == Program(wrapper, 10524)
    assert time.monotonic() - begun < LONG_S


@pytest.mark.parametrize(
    "named", ["./llama-server", "build/llama-server", "../here/build/llama-server", "llama-server"]
)
def test_a_path_counts_from_where_a_person_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    (build := tmp_path / "here" / "build").mkdir(parents=True)
    server.write(build / "llama-server", recorded.WINDOWS)
    monkeypatch.chdir(build if named.startswith("./") else build.parent)
    monkeypatch.setenv("PATH", f"{build}:/usr/bin:/bin")

    found = program.find(named)

    assert found
    with model([HeaderFile("model.gguf", b"GGUF", 1 << 20)]) as there:
        assert ask(found, there, [], Question(512)).weights_mib == 13738


@pytest.mark.parametrize("chunk", [b"a\nb\nc", b"\n\n", b"\xff\xfe\n", b"x" * 200_000, b"long" * 50_000 + b"\nend\n"])
def test_all_that_is_printed_is_read_whatever_it_is(tmp_path: Path, chunk: bytes) -> None:
    (tmp_path / "said").write_bytes(chunk)

    with running(["cat", str(tmp_path / "said")], {"PATH": "/usr/bin:/bin"}, LONG_S) as lines:
        said = [*lines]

    assert "".join(said) == chunk.decode(errors="replace").replace("\n", "")
    assert all(len(line) <= 1 << 18 for line in said)
