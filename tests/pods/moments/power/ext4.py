"""A real ext4 on a loop device that can lose its power: what has reached the device is what the next mount finds."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PREFIX = "local-llm-ext4-"
SIZE_BYTES = 96 << 20


class Ext4:
    """`mount` is the file system on the file `image`."""

    def __init__(self, place: Path, name: str, options: str) -> None:
        self.image, self.mount, self.options = place / f"{name}.img", place / name, options
        self.mount.mkdir()

    def make(self) -> None:
        with self.image.open("wb") as image:
            image.truncate(SIZE_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)

    def attach(self) -> None:
        _run("mount", "-o", f"loop,{self.options}", self.image, self.mount)  # the last unmount frees the loop device

    def detach(self) -> None:
        _run("umount", self.mount)

    def cut(self, after: "Ext4") -> None:
        """`after` is what a machine finds that lost its power now: nothing is synced, nothing that was written lost."""
        seen = ""
        while seen != (seen := self._writes()):  # the kernel may write something back while we copy
            shutil.copyfile(self.image, after.image)
        after.attach()

    def _writes(self) -> str:
        """Sectors that the device was given, and requests that are on their way to it."""
        device = Path(_run("findmnt", "-no", "SOURCE", self.mount).strip()).name
        stat = Path(f"/sys/block/{device}/stat").read_text().split()
        return f"{stat[6]} {stat[8]}"


@contextmanager
def place() -> Iterator[Path]:
    """A directory for file systems, which all go in any outcome, and those of a run that was killed before."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not Path("/proc", left.name.split("-")[-1]).exists():
            _clear(left)
    here = Path(tempfile.gettempdir(), f"{PREFIX}{os.getpid()}")
    here.mkdir()
    try:
        _require(here)
        yield here
    finally:
        _clear(here)


def _require(here: Path) -> None:
    """Skip where this machine gives us no loop device."""
    if os.geteuid() != 0:
        pytest.skip("only root has loop devices")
    trial = Ext4(here, "trial", "defaults")
    try:
        trial.make()
        trial.attach()
        trial.detach()
    except FileNotFoundError as error:
        pytest.skip(f"no ext4 can be made here: {error}")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no ext4 can be mounted here: {error.stderr.strip()}")


def _clear(directory: Path) -> None:
    for mount in [*directory.glob("*"), *directory.glob("*/*")]:
        if mount.is_mount():
            _run("umount", "--lazy", mount)
    shutil.rmtree(directory)


def _run(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
