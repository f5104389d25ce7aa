"""What a program sees instead of its kernel and its clock: each call on the volume is a moment (world.py).

The programs take their world from modules, so a process that was forked for one of them changes those and then runs it.
"""

import builtins
import concurrent.futures
import errno
import fcntl
import os
import random
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.pods.moments.threads import Condition, Event, Lock, Thread
from tests.pods.moments.world import World

READS = ("pread", "preadv", "stat", "lstat", "fstat", "scandir", "listdir", "readlink", "statvfs", "access")
PAUSES = 0.4  # of the reads: two that follow each other are as one, and the next seed parts others
CHANGES = """open close write pwrite rename replace link symlink unlink remove mkdir rmdir utime
chmod fchmod truncate ftruncate fsync fdatasync copy_file_range"""


def enter(world: World, seed: int, locks: str) -> None:
    """From here on this process, a fork of its own, lives in `world`. `locks`: see `_flock`."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    for name in (*CHANGES.split(), *READS):
        setattr(os, name, _hooked(world, name, getattr(os, name), chance))
    builtins.open = _hooked(world, "open", builtins.open, chance)
    fcntl.flock = _flock(world, locks, fcntl.flock)
    fcntl.ioctl = _hooked(world, "ioctl", fcntl.ioctl, chance)
    concurrent.futures.ThreadPoolExecutor = _AtOnce  # type: ignore[misc, assignment]
    random.seed(seed)
    threads = _threads(world)
    for name, module in list(sys.modules.items()):
        if name.startswith("pods."):
            for own, it in list(vars(module).items()):
                if it is time:
                    setattr(module, own, _clock(world))
                elif it is threading:
                    setattr(module, own, threads)
                elif it is secrets:
                    setattr(module, own, SimpleNamespace(token_hex=lambda size: chance.randbytes(size).hex()))
    world.moment("begin", blocked=True, until=0)


def _hooked(world: World, name: str, call: Callable[..., Any], chance: random.Random) -> Callable[..., Any]:
    def instead(*given: Any, **named: Any) -> Any:
        if not _is_of_volume(world, given) or (name in READS and chance.random() > PAUSES):
            return call(*given, **named)
        if world.moment(f"{name} {_shown(world, given)}"):
            if name in ("write", "pwrite"):
                call(given[0], bytes(given[1])[: len(given[1]) // 2], *given[2:])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)

    return instead


def _shown(world: World, given: tuple[Any, ...]) -> str:
    """The arguments without what differs from run to run, and without the most of each sha256."""
    shown = " ".join(str(it).removeprefix(world.root) for it in given if isinstance(it, (str, int, os.PathLike)))
    for pattern, short in ((r"(sha256-\w{6})\w{58}", r"\1"), (r"/(tmp)\w{8}\b", r"/\1"), (r"\.\d{10}\b", ".time")):
        shown = re.sub(pattern, short, shown)
    return shown


def _is_of_volume(world: World, given: tuple[Any, ...]) -> bool:
    """Descriptors but those of output, and names but those of other directories."""
    first = os.fspath(given[0]) if given and isinstance(given[0], (str, os.PathLike)) else given[0] if given else ""
    return first > 2 if isinstance(first, int) else not str(first).startswith("/") or str(first).startswith(world.root)


def _flock(world: World, locks: str, call: Callable[[Any, int], None]) -> Callable[[Any, int], None]:
    """`flock` is the kernel's; `granted` grants to everybody, as NFS with nolock does; `none` has no locks at all."""

    def flock(fd: Any, operation: int) -> None:
        while True:
            world.moment(f"flock {operation}")
            if locks == "none":
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
            if locks == "granted":
                return None
            try:
                return call(fd, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                if operation & fcntl.LOCK_NB:
                    raise
            world.sleep(0.01)

    return flock


def _clock(world: World) -> SimpleNamespace:
    def real() -> float:
        return world.began_s + world.now

    known = {"time": real, "time_ns": lambda: int(real() * 1e9), "sleep": world.sleep, "strftime": time.strftime}
    for name in ("monotonic", "perf_counter"):
        known |= {name: lambda: world.now, f"{name}_ns": lambda: int(world.now * 1e9)}
    return SimpleNamespace(**known, gmtime=time.gmtime)


class _AtOnce:
    """An executor whose work is done when it is asked for."""

    def __init__(self, *_: object) -> None:
        pass

    def submit(self, call: Callable[..., Any], *given: Any) -> Any:
        future = concurrent.futures.Future[Any]()
        try:
            future.set_result(call(*given))
        except OSError as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_: object) -> None:
        pass


def _threads(world: World) -> SimpleNamespace:
    def of(kind: Any) -> Callable[..., Any]:
        return lambda *given, **named: kind(world, *given, **named)

    kinds = {"Thread": Thread, "Lock": Lock, "RLock": Lock, "Condition": Condition, "Event": Event}
    known = {name: of(kind) for name, kind in kinds.items()}
    return SimpleNamespace(**known, local=threading.local, get_ident=threading.get_ident)
