"""Where a command is run and where it prints: readers that leave, full disks, odd terminals, Ctrl-C."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import stacks
from tests.ops import ggufs

FIT = ("fit", "--stack", "t4", "--offline")
COMMANDS = {
    "fit": FIT,
    "fit --json": (*FIT, "--json"),
    "fit --gguf": ("fit", "--gguf", "a-Q4_K_M.gguf", "--context", "64"),
    "lock --check": ("lock", "--check", "--stack", "t4"),
    "weights": ("weights", "--root", "volume"),
}
LEFT = 141  # as a shell says that SIGPIPE ended a program


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("Pulumi.t4.yaml", "models.lock.yaml"):
        (tmp_path / name).write_bytes((stacks.EXAMPLE / name).read_bytes())
    (tmp_path / "volume" / ".blobs").mkdir(parents=True)
    pairs = {"context_length": 4096, "block_count": 1, "embedding_length": 256, "feed_forward_length": 512}
    pairs |= {"attention.head_count": 4, "attention.head_count_kv": 4}
    ggufs.write(tmp_path / "a-Q4_K_M.gguf", pairs={f"llama.{key}": value for key, value in pairs.items()})
    return tmp_path


def start(here: Path, line: tuple[str, ...], **options: object) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONPATH": str(stacks.ROOT), **(options.pop("env", None) or {})}  # type: ignore[dict-item]
    wanted = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-m", "ops", *line], cwd=here, env=env, text=True, **wanted)  # type: ignore[call-overload]


def said(process: "subprocess.Popen[str]") -> str:
    """All that it printed until its end."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    assert "Exception ignored" not in err, err
    return (out or "") + err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_left_ends_a_command_quietly(here: Path, command: str) -> None:
    process = start(here, COMMANDS[command])
    assert process.stdout
    process.stdout.close()
    process.stdout = None

    assert said(process) == ""
    assert process.returncode in (1, LEFT)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_on_a_full_disk_is_an_error_in_words(here: Path, command: str) -> None:
    with open("/dev/full", "w") as full:
        process = start(here, COMMANDS[command], stdout=full)
        printed = said(process)

    assert "error: the output cannot be written: No space left on device" in printed
    assert process.returncode in (1, 2)


@pytest.mark.parametrize("command", ["fit", "fit --gguf", "weights"])
@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"COLUMNS": "40"},
        {"COLUMNS": "1"},
        {"COLUMNS": "0"},
        {"NO_COLOR": "1", "TERM": "dumb", "LANG": "C"},
        {"HOME": ""},
    ],
    ids=lambda env: next(iter(env)) + next(iter(env.values())),
)
def test_an_odd_terminal_is_printed_to(here: Path, command: str, env: Mapping[str, str]) -> None:
    (here / "volume" / "models-Ж").touch()

    process = start(here, COMMANDS[command], env=env)
    printed = said(process)

    assert process.returncode in (0, 3), printed
    assert "\x1b" not in printed


def test_a_disk_that_fills_up_while_files_are_written_leaves_no_half_one(here: Path) -> None:
    """A limit for a file's size stands for the disk: what is written ends in the same way."""

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

    page = here / "page.html"
    page.write_text("the one before")
    before = {file.name: file.read_bytes() for file in here.glob("*.*")}
    process = start(here, (*FIT, "--html", "page.html"), preexec_fn=small)
    printed = said(process)

    assert process.returncode in (1, 2)
    assert "File too large" in printed
    assert "next: " in printed
    assert {file.name: file.read_bytes() for file in here.glob("*.*")} == before
    assert not list(here.rglob(".draft-*"))


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_ctrl_c_ends_a_command_that_waits_which_has_said_so_before(here: Path, silent: str) -> None:
    lines = {
        "verify": ("verify", "--url", f"{silent}/v1"),
        "fit": ("fit", "--gguf", f"{silent}/a/b/resolve/main/x.gguf", "--context", "64"),
        "calibrate": ("calibrate", "--stack", "t4", "--prometheus", silent),
        "lock": ("lock", "--update", "--stack", "t4"),
    }
    before = (here / "models.lock.yaml").read_bytes()
    waiting = {name: start(here, line, env={"HF_ENDPOINT": silent}) for name, line in lines.items()}
    for name, process in waiting.items():
        assert process.stderr
        told = process.stderr.readline()
        process.send_signal(signal.SIGINT)

        assert "no answer yet after 2 s" in told, name
        assert silent in told or "asking the hub" in told
        said(process)
        assert process.returncode in (130, -signal.SIGINT), name
    assert (here / "models.lock.yaml").read_bytes() == before
