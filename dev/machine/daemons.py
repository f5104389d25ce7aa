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
from pathlib import Path

from dev.machine.instance import Instance
from dev.machine.steps import DevError

_V2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
_HIERARCHY = Path("/sys/fs/cgroup") if _V2 else Path("/sys/fs/cgroup/pids")


def start(
    instance: Instance,
    name: str,
    argv: Sequence[str | Path],
    *,
    in_netns: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> int:
    """Start `argv` detached and return its pid; a no-op when the daemon `name` is alive. Output goes to `log(name)`."""
    if pid := pid_of(instance, name):
        return pid
    group = _HIERARCHY / instance.cgroup / "daemons"
    for directory in (group, instance.run, instance.logs):
        directory.mkdir(parents=True, exist_ok=True)
    enter = ["nsenter", f"--net=/run/netns/{instance.netns}"] if in_netns else []
    join = ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', name]
    with log(instance, name).open("ab") as out:
        process = subprocess.Popen(
            [*join, *enter, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    process.returncode = 0  # the process outlives this object, whose destructor would warn otherwise
    _pid_file(instance, name).write_text(f"{process.pid} {_start_time(process.pid)}\n")
    return process.pid


def log(instance: Instance, name: str) -> Path:
    return instance.logs / f"{name}.log"


def pid_of(instance: Instance, name: str) -> int | None:
    """The daemon's pid if that very process still runs (a reused pid has another start time), else None."""
    with contextlib.suppress(OSError, ValueError):
        pid, started = _pid_file(instance, name).read_text().split()
        if _start_time(int(pid)) == int(started) != 0:
            return int(pid)
    return None


def stop(instance: Instance, name: str, timeout_s: float = 20.0) -> None:
    """End one daemon: SIGTERM, then SIGKILL after `timeout_s`. A no-op when it does not run."""
    if pid := pid_of(instance, name):
        for number, limit in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if _until(lambda: pid_of(instance, name) is None, limit):
                break
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
    for number, limit in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, 10.0)):
        for pid in members(instance, below):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _until(lambda: not members(instance, below), limit):
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


def wait_for(what: str, probe: Callable[[], bool], instance: Instance, name: str, timeout_s: float = 60.0) -> None:
    """Wait until `probe()` is true; raises DevError with the log's last line when daemon `name` dies or time is up."""
    if not _until(lambda: probe() or pid_of(instance, name) is None, timeout_s) or pid_of(instance, name) is None:
        tail = log(instance, name).read_text(errors="replace").splitlines()[-1:] or ["(nothing printed)"]
        raise DevError(f"{what} is not up: {tail[0]}", f"read {log(instance, name)}")


def _groups(top: Path) -> list[Path]:
    """`top` and every cgroup below it, children first. A container that ends takes its own away meanwhile.

    Hence os.walk, which passes over what is gone; Path.rglob raises.
    """
    return [Path(directory) for directory, _, _ in os.walk(top, topdown=False)]


def _until(true: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not (held := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def _pid_file(instance: Instance, name: str) -> Path:
    return instance.run / f"{name}.pid"


def _start_time(pid: int) -> int:
    """Clock ticks since boot at which the process began (field 22 of proc(5) stat), 0 when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])
