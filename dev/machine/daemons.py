"""Starts, finds and ends the long-running processes of an instance, each with a log and a pid file.

Every daemon joins the instance's cgroup first, so that its children (containerd's shims among them) are found too.
Works with cgroup v1 (the `pids` hierarchy) and v2.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dev.machine.instance import Instance
from dev.machine.processes import Process
from dev.machine.steps import DevError

_V2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
_HIERARCHY = Path("/sys/fs/cgroup") if _V2 else Path("/sys/fs/cgroup/pids")
_KILL_S = 30.0  # to die of SIGKILL: more than a process needs that has gigabytes to free, on a busy machine
_RESTARTS = 2  # in one wait; kwok 0.8.0 now and then panics while its controllers start (node_controller.go:158)


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Daemon:
    """What an instance runs under a name; `prepare` clears away, before a start, what an earlier one left."""

    instance: Instance
    name: str
    argv: Sequence[str | Path]
    in_netns: bool = False
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None
    prepare: Callable[[], None] = _nothing

    def start(self) -> None:
        """Start it detached, its output going to `log`; a no-op when a daemon of this name runs. Raises DevError."""
        if pid_of(self.instance, self.name):
            return
        stop(self.instance, self.name)  # a killed one may still hold its ports and files
        self.prepare()
        group = _HIERARCHY / self.instance.cgroup / "daemons"
        for directory in (group, self.instance.run, self.instance.logs):
            directory.mkdir(parents=True, exist_ok=True)
        enter = ["nsenter", f"--net=/run/netns/{self.instance.netns}"] if self.in_netns else []
        join = ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', self.name]
        with log(self.instance, self.name).open("ab") as out:
            process = subprocess.Popen(
                [*join, *enter, *map(str, self.argv)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                cwd=self.cwd,
                start_new_session=True,
            )
        process.returncode = 0  # the process outlives this object, whose destructor would warn otherwise
        started = Process.of(process.pid)
        _pid_file(self.instance, self.name).write_text(f"{started.pid} {started.started}\n")


def wait_for(what: str, probe: Callable[[], bool], *daemons: Daemon, timeout_s: float = 180.0) -> None:
    """Wait until `probe()` is true, starting each of `daemons` again that is found dead meanwhile.

    The first of them is the one that `probe` is about. Raises DevError with the last line of its log when it is not
    true within `timeout_s` of the latest start, or of the log of one that dies time and again.
    """
    restarts = dict.fromkeys((daemon.name for daemon in daemons), _RESTARTS)
    deadline = time.monotonic() + timeout_s
    while not _probed(probe, daemons):
        for daemon in daemons:
            if pid_of(daemon.instance, daemon.name):
                continue
            if not restarts[daemon.name]:
                raise _not_up(what, daemon)
            restarts[daemon.name] -= 1
            daemon.start()
            deadline = time.monotonic() + timeout_s
        if time.monotonic() > deadline:
            raise _not_up(what, daemons[0])
        time.sleep(0.05)


def log(instance: Instance, name: str) -> Path:
    return instance.logs / f"{name}.log"


def pid_of(instance: Instance, name: str) -> int | None:
    """The daemon's pid if that very process runs, else None; one that was killed does not, from that moment on."""
    process = _recorded(instance, name)
    return process.pid if process and process.runs() else None


def stop(instance: Instance, name: str, timeout_s: float = 20.0) -> None:
    """End one daemon: SIGTERM, then SIGKILL after `timeout_s`. A no-op when it is gone. Raises DevError."""
    if process := _recorded(instance, name):
        for number, limit in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, _KILL_S)):
            if process.gone():
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
            until(process.gone, limit)
        if not process.gone():
            raise DevError(f"{name} (pid {process.pid}) does not end", "look at it with ps, then run this again")
    _pid_file(instance, name).unlink(missing_ok=True)


def members(instance: Instance, below: str = "") -> set[int]:
    """Pids of every process of the instance (or of its cgroup `below`), pods included, this one excluded."""
    pids: set[int] = set()
    for group in _groups(_HIERARCHY / instance.cgroup / below):
        with contextlib.suppress(OSError):
            pids.update(map(int, (group / "cgroup.procs").read_text().split()))
    return pids - {os.getpid()}


def end(instance: Instance, below: str = "", timeout_s: float = 20.0) -> None:
    """End every process of the instance (or of its cgroup `below`); raises DevError naming what would not die."""
    for number, limit in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, _KILL_S)):
        for pid in members(instance, below):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if until(lambda: not members(instance, below), limit):
            return
    left = sorted(members(instance, below))
    raise DevError(f"processes {left} do not end", "look at them with ps, then `make down` again")


def stop_all(instance: Instance, timeout_s: float = 20.0) -> None:
    """End every process of the instance and remove its cgroups; raises DevError naming what would not die."""
    end(instance, timeout_s=timeout_s)
    roots = [Path("/sys/fs/cgroup")] if _V2 else [p for p in Path("/sys/fs/cgroup").iterdir() if p.is_dir()]
    for root in roots:
        for group in _groups(root / instance.cgroup):
            with contextlib.suppress(FileNotFoundError):
                group.rmdir()
    for pid_file in instance.run.glob("*.pid"):
        pid_file.unlink(missing_ok=True)


def until(true: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until `true()`; returns whether it was so within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (held := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def _probed(probe: Callable[[], bool], daemons: Sequence[Daemon]) -> bool:
    """Whether the probe is true of daemons that run: a dying one may answer once more."""
    return probe() and all(pid_of(daemon.instance, daemon.name) for daemon in daemons)


def _not_up(what: str, daemon: Daemon) -> DevError:
    path = log(daemon.instance, daemon.name)
    tail = path.read_text(errors="replace").splitlines()[-1:] or ["(nothing printed)"]
    return DevError(f"{what} is not up: {tail[0]}", f"read {path}")


def _groups(top: Path) -> list[Path]:
    """`top` and every cgroup below it, children first. A container that ends takes its own away meanwhile.

    Hence os.walk, which passes over what is gone; Path.rglob raises.
    """
    return [Path(directory) for directory, _, _ in os.walk(top, topdown=False)]


def _pid_file(instance: Instance, name: str) -> Path:
    return instance.run / f"{name}.pid"


def _recorded(instance: Instance, name: str) -> Process | None:
    """The process that was last started under this name, whatever became of it."""
    with contextlib.suppress(OSError, ValueError):
        pid, started = _pid_file(instance, name).read_text().split()
        return Process(int(pid), int(started))
    return None
