"""An instance's processes: which they are, which of them count as running, and one that dies is started again."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.machine import daemons, instance
from dev.machine.daemons import Daemon
from dev.machine.instance import Instance
from dev.machine.processes import Process
from dev.machine.steps import DevError

_MACHINE = Instance("t-daemons")
_SEIZE, _DETACH, _TRACE_EXIT = 0x4206, 17, 0x40  # ptrace(2)
_TRACE_STOP = 0x40000000  # __WALL of waitpid(2): a stop that is not the end counts too
_LEADER_ENDS = """
import ctypes, threading
threading.Thread(target=threading.Event().wait).start()
print("begun", flush=True)
ctypes.CDLL(None).pthread_exit(0)
"""


@pytest.fixture
def vanishing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hierarchy with two containers, one of which takes its cgroup away in the moment in which it is looked into."""
    pods = tmp_path / _MACHINE.cgroup / "kubepods"
    for container in ("a-ends", "b-stays"):
        (pods / container / "inner").mkdir(parents=True)
    (pods / "b-stays" / "cgroup.procs").write_text("1234567\n")
    scandir = os.scandir

    def ends_first(path: str | Path | int):
        if not isinstance(path, int) and Path(path).name == "a-ends":
            shutil.rmtree(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", ends_first)
    monkeypatch.setattr(daemons, "_HIERARCHY", tmp_path)
    return pods


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Its directories and cgroup are below this one; what was started is ended."""
    monkeypatch.setattr(daemons, "_HIERARCHY", tmp_path / "cgroup")
    monkeypatch.setattr(instance, "STATE", tmp_path / "state")
    monkeypatch.setattr(instance, "RUN", tmp_path / "run")
    yield tmp_path
    for pid_file in _MACHINE.run.glob("*.pid"):
        daemons.stop(_MACHINE, pid_file.stem)


def daemon(script: str, name: str = "etcd", prepare: Callable[[], None] = lambda: None) -> Daemon:
    return Daemon(_MACHINE, name, ["sh", "-c", script], prepare=prepare)


def lives(name: str = "etcd") -> Daemon:
    return daemon("echo begun; exec sleep 600", name)


def starts(name: str = "etcd") -> int:
    return daemons.log(_MACHINE, name).read_text().count("begun\n")


def pid(name: str = "etcd") -> int:
    found = daemons.pid_of(_MACHINE, name)
    assert found
    return found


class Traced:
    """A process that dies no further than to its exit, as one does that has much to clear away, until `release`."""

    def __init__(self, pid: int) -> None:
        self._pid, self._libc, self._tracer = pid, ctypes.CDLL(None, use_errno=True), threading.get_ident()
        self._held = self._ptrace(_SEIZE, _TRACE_EXIT)

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, _TRACE_STOP)

    def release(self) -> None:
        if threading.get_ident() == self._tracer:  # of another thread, such as one that waits, the kernel knows nothing
            self._held = self._held and not self._ptrace(_DETACH, 0)

    def _ptrace(self, request: int, data: int) -> bool:
        words = (ctypes.c_long(request), ctypes.c_long(self._pid), ctypes.c_void_p(0), ctypes.c_void_p(data))
        assert self._libc.ptrace(*words) == 0, os.strerror(ctypes.get_errno())
        return True


def test_a_container_that_ends_while_processes_are_looked_for_hides_none_of_the_others(vanishing: Path) -> None:
    assert daemons.members(_MACHINE) == {1234567}
    assert not (vanishing / "a-ends").exists(), "the fault did not happen, so nothing was proved"


@pytest.mark.usefixtures("machine")
def test_a_second_start_leaves_the_running_one_alone() -> None:
    lives().start()
    before = pid()

    lives().start()

    assert pid() == before


def test_a_killed_one_does_not_run_and_another_is_started_only_when_it_has_let_go(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives().start()
    dying = Process.of(pid())
    traced = Traced(dying.pid)
    traced.kill()
    assert os.listdir(f"/proc/{dying.pid}/fd"), "it let go of its files at once, so nothing is proved"
    assert not dying.runs()
    assert not dying.gone()
    monkeypatch.setattr(time, "sleep", lambda _: traced.release())
    left: list[bool] = []

    daemon("exec sleep 600", prepare=lambda: left.append(dying.gone())).start()

    assert left == [True], "the new one would find the port or the lock of its database taken"
    assert pid() != dying.pid
    assert machine


@pytest.mark.usefixtures("machine")
def test_a_zombie_does_not_run_and_holds_nothing() -> None:
    lives().start()
    zombie = Process.of(pid())
    os.kill(zombie.pid, signal.SIGKILL)
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)

    assert daemons.pid_of(_MACHINE, "etcd") is None
    assert zombie.gone()


def test_a_zombie_whose_other_threads_have_yet_to_end_still_holds_what_it_had() -> None:
    with subprocess.Popen([sys.executable, "-c", _LEADER_ENDS], stdout=subprocess.PIPE) as process:
        half = Process.of(process.pid)
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        assert daemons.until(lambda: not half.runs(), timeout_s=300)
        assert not half.gone()
        process.kill()
    assert half.gone()


def test_a_pid_that_is_another_process_by_now_is_not_the_daemon(machine: Path) -> None:
    lives().start()
    file = _MACHINE.run / "etcd.pid"
    number, started = file.read_text().split()
    file.write_text(f"{number} {int(started) - 1}\n")

    assert daemons.pid_of(_MACHINE, "etcd") is None
    daemons.stop(_MACHINE, "etcd")
    assert Process(int(number), int(started)).runs(), "a process that only has the pid is not ours to end"

    os.kill(int(number), signal.SIGKILL)
    assert machine


def test_one_that_dies_while_it_is_waited_for_is_started_again(machine: Path) -> None:
    flaky = daemon(f"echo begun; [ -e {machine}/once ] && exec sleep 600; touch {machine}/once; echo panic; exit 2")
    flaky.start()

    daemons.wait_for("etcd", lambda: starts() == 2, flaky)

    assert daemons.pid_of(_MACHINE, "etcd")


@pytest.mark.usefixtures("machine")
def test_one_that_dies_time_and_again_is_told_with_its_last_line() -> None:
    broken = daemon("echo begun; echo no such directory; exit 2")
    broken.start()

    with pytest.raises(DevError, match=r"etcd is not up: no such directory(.|\n)*read .*/etcd\.log"):
        daemons.wait_for("etcd", lambda: False, broken)

    assert starts() == 3


@pytest.mark.usefixtures("machine")
def test_one_that_answers_for_the_last_time_before_it_dies_is_not_up_yet() -> None:
    server = lives()
    server.start()
    first = pid()

    def answers() -> bool:
        if pid() == first:
            os.kill(first, signal.SIGKILL)
        return True

    daemons.wait_for("etcd", answers, server)

    assert pid() != first


@pytest.mark.usefixtures("machine")
def test_what_the_awaited_one_needs_is_started_again_as_well() -> None:
    database, server = lives(), lives("kube-apiserver")
    database.start()
    server.start()
    first = pid()
    os.kill(first, signal.SIGKILL)

    daemons.wait_for("kube-apiserver", lambda: daemons.pid_of(_MACHINE, "etcd") is not None, server, database)

    assert pid() != first
    assert starts("kube-apiserver") == 1


@pytest.mark.usefixtures("machine")
def test_one_that_lives_and_never_answers_is_told_when_time_is_up() -> None:
    silent = lives()
    silent.start()
    daemons.until(lambda: starts() == 1, timeout_s=300)

    with pytest.raises(DevError, match="etcd is not up: begun"):
        daemons.wait_for("etcd", lambda: False, silent, timeout_s=0)
