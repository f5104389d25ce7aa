"""Undoes what a node changes on the host outside its namespace: mounts, stray files, kernel settings.

The kubelet and the CNI library have a few fixed paths on the host; the files of this instance are removed from them.
"""

import contextlib
import fcntl
import json
import re
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

from dev.cluster.real_node.containerd import network_name
from dev.machine.instance import RUN, Instance
from dev.machine.steps import DevError

_CONTAINER_LOGS = Path("/var/log/containers")  # kubelet's legacyContainerLogsDir (1.36)
_CNI_RESULTS = Path("/var/lib/cni/results")  # libcni's CacheDir, which containerd 1.6 cannot move
# Written by every kubelet at its start (setupKernelTunables, 1.36); protectKernelDefaults would make it refuse instead.
SETTINGS = Path("/proc/sys")
TUNABLES = [
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
]


def remember(instance: Instance) -> None:
    """Note the kernel settings that the kubelet will change, unless another instance's has changed them before."""
    with _noted() as noted:
        noted.setdefault("values", {name: (SETTINGS / name).read_text() for name in TUNABLES})
        noted.setdefault("users", {})[instance.name] = True


def clean(instance: Instance) -> None:
    """Undo what the instance's node left on the host; its processes must have ended. Raises DevError."""
    # Not all of the state directory: a person may have mounted a disk for the models there.
    unmount(instance.run, instance.state / "kubelet", instance.state / "containerd")
    for link in _CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(instance.state):
            link.unlink()
    for result in _CNI_RESULTS.glob(f"{network_name(instance)}-*-eth0"):
        sandbox = result.name.removeprefix(f"{network_name(instance)}-").removesuffix("-eth0")
        if "-" not in sandbox:  # else the sandbox of an instance whose name begins like this one's
            result.unlink()
            (_CNI_RESULTS / f"cni-loopback-{sandbox}-lo").unlink(missing_ok=True)
    with _noted() as noted:
        noted.get("users", {}).pop(instance.name, None)
        if not noted.get("users"):
            for name, value in noted.pop("values", {}).items():
                (SETTINGS / name).write_text(value)


def unmount(*directories: Path) -> None:
    """Unmount the directories and all below, innermost first. Raises DevError when something stays mounted."""
    for point in reversed(_mounts(*directories)):
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
    if left := _mounts(*directories):
        raise DevError(f"{left[0]} stays mounted", f"umount {left[0]}, then try again")


def remove(directory: Path) -> None:
    """Delete a directory tree, never through a mount: the models directory is mounted below the kubelet's."""
    if directory.exists():
        unmount(directory)
        shutil.rmtree(directory)


def _mounts(*directories: Path) -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = (Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4])) for line in lines)
    tops = {directory.resolve() for directory in directories}  # as the kernel names them
    return [point for point in points if not tops.isdisjoint((point, *point.parents))]


@contextlib.contextmanager
def _noted() -> Generator[dict[str, Any]]:
    """The notes of all instances, locked while they change: `values` before the first kubelet, `users` since then."""
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / "kernel.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        noted = json.loads(file.read() or "{}")
        yield noted
        file.truncate(0)
        json.dump(noted, file)
