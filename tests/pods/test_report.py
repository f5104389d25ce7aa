"""How a pod's program ends, whatever it is doing when it is told to."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pods.core import report
from tests.stacks import ROOT

# The handler runs between two steps of Python code, here in the callback of a weakref: what it raises there is lost.
PROGRAM = """
import os, signal, weakref
from pods.core import report

class Thing: pass

def stopped_in_a_callback():
    def callback(_):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
    thing = Thing()
    kept = weakref.ref(thing, callback)
    del thing

report.run(stopped_in_a_callback)
"""


def test_sigterm_ends_a_program_also_where_an_exception_would_be_lost() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 128 + signal.SIGTERM, ran.stdout + ran.stderr
    assert "ended by SIGTERM" in ran.stdout


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A volume with a directory that is not ours, and a user who is bound by that, as in a pod."""
    directory = tmp_path / "volume" / "model"
    directory.mkdir(parents=True)
    (directory / "here").write_text("")

    def access(path: str, _: int) -> bool:
        return str(path) not in (str(directory), "/", str(Path("/nowhere")))

    monkeypatch.setattr(os, "access", access)
    return directory


NAMES: dict[str, Callable[[Path], tuple[str, str | None]]] = {
    "a link, first by where it leads": lambda place: ("0123456789ab", f"{place}/current.tmp"),
    "a link that leads far up": lambda place: ("../../.blobs/sha256-0", f"{place}/model.gguf.tmp"),
    "a directory to make": lambda place: (f"{place}/0123456789ab", None),
    "directories to make": lambda place: (f"{place}/a/b/c", None),
    "a file to remove": lambda place: (f"{place}/here", None),
    "a rename into it": lambda place: (f"{place.parent}/x", f"{place}/READY.json"),
    "a rename out of it": lambda place: (f"{place}/here", f"{place.parent}/x"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_d6_what_may_not_be_written_is_the_directory_that_the_message_names(
    foreign: Path, names: Callable[[Path], tuple[str, str | None]]
) -> None:
    first, second = names(foreign)
    failure = report.of_disk(PermissionError(errno.EACCES, "Permission denied", first, None, second))
    assert failure.code == 73
    assert f"{foreign} belongs to" in str(failure)
    assert f"chown -R {os.getuid()}:{os.getgid()} {foreign}`" in str(failure)


@pytest.mark.parametrize("name", ["", "..", "../..", "model", "/nowhere/at/all"])
def test_d6_a_place_that_is_none_ends_in_words_and_never_in_a_chown_of_everything(foreign: Path, name: str) -> None:
    failure = report.of_disk(PermissionError(errno.EPERM, "Operation not permitted", name))
    assert failure.code in (73, 74)
    assert "chown" not in str(failure), foreign


@pytest.mark.parametrize("kind", ["ValueError", "KeyError", "RuntimeError", "MemoryError", "RecursionError"])
def test_a_fault_of_ours_is_told_by_kind_and_place_and_repeats_nothing_secret(tmp_path: Path, kind: str) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    text = f"from pods.core import report\ndef fails(): raise {kind}('Bearer hf_secret')\nreport.run(fails)"
    env = {"TERMINATION_LOG": str(log), "PATH": os.environ["PATH"]}
    ran = subprocess.run([sys.executable, "-c", text], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (70, "")
    assert f"a fault of this program, {kind} in " in log.read_text()
    assert "hf_secret" not in ran.stdout + log.read_text()
