"""What is read from a llama-server's log, which one is asked, and what it is told; without a real one."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.allocator import program
from ops.allocator.log import Cache, Log, LogError
from ops.allocator.measure import Way, measure
from ops.allocator.program import Program
from ops.allocator.question import AllocatorError, HeaderFile, Question, ask, model
from ops.base.errors import OpsError
from ops.gguf.facts import facts
from plan.vram.types import Serving
from tests.ops import ggufs
from tests.ops.allocator import recorded, server
from tests.oracle.allocator import header_of

MIB = 2**20


def read(text: str) -> Log:
    log = Log()
    for line in text.splitlines():
        log.read(line)
    return log


def test_two_caches_and_the_buffer_of_the_card_are_read_up_to_the_breakdown() -> None:
    told = read(recorded.WINDOWS).told

    assert told
    assert told.weights_mib == 13738
    assert told.caches == (Cache(32768, 1, 2560 * MIB), Cache(1536, 1, 624 * MIB))
    assert told.state == 0
    assert 188.524 * MIB <= told.compute <= 188.526 * MIB, "two digits are rounded up: less than it takes is an outage"


def test_the_state_of_recurrent_layers_is_no_cache() -> None:
    told = read(recorded.STATES).told

    assert told
    assert (told.caches, told.state) == ((Cache(8192, 4, 544 * MIB),), 201 * MIB)


def test_a_part_that_is_not_understood_is_not_overlooked() -> None:
    """A kind of cache with another line of the log would be missing from the sum."""
    without = "".join(line for line in recorded.WINDOWS.splitlines(keepends=True) if "1536 cells" not in line)

    with pytest.raises(LogError, match=r"3184 MiB of context are reserved, and its log tells only 2560\.00 MiB"):
        read(without)


def test_without_a_breakdown_nothing_is_told() -> None:
    assert read(recorded.WINDOWS.split("breakdown")[0]).told is None


NINES = "9" * 5000
PIECES = [
    "size = ", "compute buffer size = ", " RPC0[x] ", "12.34 MiB", "1.2.3 MiB", f"{NINES}.00 MiB", " MiB (", "\x1b[2J",
    "( 256 cells, ", f"({NINES} cells, ", " 8 layers, ", " 1/1 seqs), K (", " 4 seqs", "- RPC0 ", "= 1 + 2 + 3)",
    " = 0 + 0 + 0)",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=6).map("".join), max_size=8))
def test_whatever_is_printed_is_read_or_refused_in_words(lines: list[str]) -> None:
    log = Log()
    with suppress(LogError):
        for line in lines:
            log.read(line)


def test_more_caches_than_the_lock_takes_are_refused(tmp_path: Path) -> None:
    ggufs.write(tmp_path / "m.gguf", pairs={"context_length": 256})
    head = header_of(tmp_path / "m.gguf")
    files, shape = [HeaderFile("model.gguf", head.content, 40 * 2**30)], facts([head], None).shape
    cache = "size = 1.00 MiB ( 256 cells, 1 layers, 1/1 seqs), K (\n"
    says = f"{17 * cache} RPC0[x] compute buffer size = 1.00 MiB\n- RPC0 (x) | 9 = 9 + (9 = 1 + 17 + 1) + 9\n"
    llama_server = program.find(str(server.write(tmp_path / "llama-server", says)))
    assert llama_server

    with pytest.raises(AllocatorError, match=r"says what cannot be, caches .*16"):
        measure(llama_server, files, head, shape, [Way(Serving(0), (256,))])


@pytest.fixture
def header() -> HeaderFile:
    return HeaderFile("model-00001-of-00002.gguf", b"GGUF and so on", 40 * 2**30)


USUAL = Question(8192)


def asked(path: Path, header: HeaderFile, question: Question = USUAL, answer_s: float = 20) -> object:
    llama_server = program.find(str(path))
    assert llama_server
    with model([header]) as there:
        return ask(llama_server, there, ["a.b=int:1"], question, answer_s)


def test_llama_server_is_asked_as_it_would_serve_and_stopped_before_it_loads(
    tmp_path: Path, header: HeaderFile
) -> None:
    path, begun = server.write(tmp_path / "llama-server", recorded.WINDOWS), time.monotonic()

    told = asked(path, header, Question(32768, "q8_0", 4, 4096, ("--embeddings",), whole_windows=True))

    assert told == read(recorded.WINDOWS).told
    assert time.monotonic() - begun < 60, "the real one would go on to load the weights"
    said = (tmp_path / "arguments").read_text()
    for flags in (
        "--ctx-size 32768", "--parallel 4", "--ubatch-size 4096", "--batch-size 4096", "--cache-type-k q8_0",
        "--cache-type-v q8_0", "--fit on", "--flash-attn on", "--embeddings", "--swa-full", "--rpc 127.0.0.1:",
        "--device RPC0", "--host 127.0.0.1", "--override-kv a.b=int:1", "model-00001-of-00002.gguf",
    ):  # fmt: skip
        assert flags in said


def test_no_variable_of_the_shell_becomes_a_flag_and_no_token_goes_along(
    tmp_path: Path, header: HeaderFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LLAMA_ARG_CTX_SIZE", "GGML_CUDA_NO_PINNED", "HF_TOKEN"):
        monkeypatch.setenv(name, "512")

    asked(server.write(tmp_path / "llama-server", recorded.WINDOWS), header)

    variables = (tmp_path / "variables").read_text()
    assert "PATH=" in variables
    assert not [line for line in variables.splitlines() if line.startswith(("LLAMA_ARG", "GGML_", "HF_"))]


def test_a_files_weights_are_a_hole_and_its_directory_is_gone_afterwards(header: HeaderFile) -> None:
    with model([header]) as there:
        status = there.stat()
        assert (status.st_size, there.name) == (header.size_bytes, header.name)
        assert status.st_blocks * 512 < MIB
        with there.open("rb") as opened:
            assert opened.read(len(header.header) + 1) == header.header + b"\0"
    assert not there.parent.exists()


def test_a_disk_without_room_is_told_and_ends_nothing_else(header: HeaderFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")

    with pytest.raises(AllocatorError, match="no file with holes can be written: No such file"), model([header]):
        pass


FAILURES = {
    "an architecture it does not know": (
        recorded.UNKNOWN,
        "ended: llama_model_load: error loading model: unknown model",
    ),
    "another protocol": (recorded.OTHER_PROTOCOL, r"speaks another RPC protocol than 7\.0\.0"),
    "what is no log": ("Illegal instruction\n", "ended: Illegal instruction"),
    "nothing": ("", "ended without a word"),
}


@pytest.mark.parametrize(("says", "why"), FAILURES.values(), ids=FAILURES)
def test_one_that_ends_is_told_with_its_own_words(tmp_path: Path, header: HeaderFile, says: str, why: str) -> None:
    with pytest.raises(AllocatorError, match=why):
        asked(server.write(tmp_path / "llama-server", says, ends=True), header)


def test_one_that_hangs_is_ended(tmp_path: Path, header: HeaderFile) -> None:
    with pytest.raises(AllocatorError, match="has not answered within 1 s"):
        asked(server.write(tmp_path / "llama-server", "I load\n"), header, answer_s=1)


@pytest.mark.parametrize(
    ("version", "build"),
    [
        ("version: 0.6.0 (build 10524, commit abcdef012)", 10524),
        ("version: 6097 (9515c613)", 6097),
        ("version: 0.5.0-dev (build 0, commit 0c1e57098)", 11312),
    ],
)
def test_the_build_is_the_number_that_it_says_or_that_of_the_commit(tmp_path: Path, version: str, build: int) -> None:
    path = server.write(tmp_path / "llama-server", version=version)

    assert program.find(str(path)) == Program(path, build)


UNUSABLE = {
    "no build": (
        {"version": "version: 0.5.0-dev (build 0, commit 123456789)"},
        "says no build of llama.cpp as its version",
    ),
    "another program": ({"version": "llama-swap 250"}, "no build of llama.cpp as its version: llama-swap 250"),
    "no RPC": ({"usage": "--model FILE"}, "has no RPC backend"),
}


@pytest.mark.parametrize(("how", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_one_that_was_named_and_cannot_be_asked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], why: str
) -> None:
    monkeypatch.setenv("LLAMA_SERVER", str(server.write(tmp_path / "llama-server", **how)))

    with pytest.raises(OpsError, match=why):
        program.find()


def test_a_path_without_a_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="No such file"):
        program.find(str(tmp_path / "nowhere"))


def test_the_installed_one_is_taken_else_the_newest_that_was_built_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = [tmp_path / "local-llm" / "tools" / f"llama-0.{minor}.0-abc" for minor in (4, 5)]
    installed = tmp_path / "bin"
    for directory in (*built, installed):
        directory.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{installed}:/usr/bin:/bin")
    monkeypatch.delenv("LLAMA_SERVER", raising=False)
    assert program.find() is None

    for directory in built:
        server.write(directory / "llama-server")
    assert program.find() == Program(built[1] / "llama-server", 10524)

    server.write(installed / "llama-server", usage="no such flag")
    assert program.find() == Program(built[1] / "llama-server", 10524), "one without RPC is passed over"
    server.write(installed / "llama-server")
    assert program.find() == Program(installed / "llama-server", 10524)

    monkeypatch.setenv("LLAMA_SERVER", "none")
    assert program.find() is None
