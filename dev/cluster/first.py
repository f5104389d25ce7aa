"""Keeps a copy of etcd's data from right after the first `up`, and puts it back."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

from dev.machine import daemons
from dev.machine.instance import Instance
from dev.machine.steps import DevError

DATA, COPY = "etcd", "etcd-first"  # below the instance's state


def keep(instance: Instance) -> None:
    """Copy the data of the running etcd while it is stopped by a signal; etcd can start from such a copy."""
    with _still(instance):
        _copy(instance.state / DATA, instance.state / COPY)


def put_back(instance: Instance) -> None:
    """Replace the data by the copy, or remove it where there is no copy; etcd must not run."""
    shutil.rmtree(instance.state / DATA, ignore_errors=True)
    if (instance.state / COPY).exists():
        _copy(instance.state / COPY, instance.state / DATA)


def _copy(source: Path, target: Path) -> None:
    """Copy the whole directory under another name, then rename it. Leaves out the zeros at the end of etcd's logs."""
    unfinished = target.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(["cp", "--archive", "--sparse=always", source, unfinished], check=True)
    unfinished.rename(target)


@contextlib.contextmanager
def _still(instance: Instance) -> Generator[None]:
    pid = daemons.pid_of(instance, "etcd")
    if not pid:
        raise DevError("etcd does not run", f"read {daemons.log(instance, 'etcd')}")
    os.kill(pid, signal.SIGSTOP)
    try:
        if not daemons.until(lambda: _stands(pid), timeout_s=60.0):
            raise DevError(f"etcd (pid {pid}) does not stand still", f"read {daemons.log(instance, 'etcd')}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _stands(pid: int) -> bool:
    """Whether every thread is stopped (state T in proc(5) stat): one inside a write finishes it first."""
    with contextlib.suppress(OSError):  # a thread that ends while we look
        stats = Path(f"/proc/{pid}/task").glob("*/stat")
        return all(stat.read_text().rsplit(")", 1)[1].split()[0] == "T" for stat in stats)
    return False
