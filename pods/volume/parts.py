"""Files on their way to the volume: what they are called, whose they are, and how much room they still need.

sha256-<hex>.part               of whoever has its lock, and the lock is proved to keep others out
sha256-<hex>.<8 hex>.part       of one run alone, where locks prove nothing
<either>.journal                the stretches that are written and synced; .journal.tmp while it is replaced
"""

import contextlib
import fcntl
import glob
import os
import re

from pods.core.report import say

# Who works on a part touches it this often; one that was not touched for four times as long is nobody's.
SIGN_OF_LIFE_S = 15
_LOCAL = re.compile(r"[ ,](nolock|local_lock=(flock|all))\b")


def lock(fd: int, path: str) -> bool | None:
    """True: the file is ours alone, and that is proved. False: another has it. None: locks prove nothing here.

    A lock that everyone is granted looks like one: so a second descriptor asks for it, and has to be refused. An NFS
    mount with `nolock` or `local_lock` passes that too, though it keeps out nobody on another node: nfs(5). A lock that
    the server forgot while we slept is the kernel's to notice: it refuses to write then (nfs.recover_lost_locks).
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except BlockingIOError:
        return False
    except OSError as error:
        say("no-lock", reason=str(error))
        return None
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if not _is_local(fd):
            return True
    finally:
        os.close(second)
    say("no-lock", reason=f"a lock on {path} keeps nobody out")
    return None


def peek(path: str) -> int | None:
    """A descriptor that keeps others off the part while it is open; None when one has it, or it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)  # not exclusive: over NFS that needs a descriptor that may write
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:  # a volume without locks: the part's age has to do
        pass
    return fd


def of_blob(blob: str) -> list[str]:
    """The parts of this blob, whoever has them."""
    return sorted(glob.glob(f"{glob.escape(blob)}.part") + glob.glob(f"{glob.escape(blob)}.????????.part"))


def forget(blob: str) -> None:
    """Remove the blob's parts; journal first, it must never vouch for a part that is not its own."""
    for path in {f"{blob}.part", *of_blob(blob)}:
        remove(path)


def remove(path: str) -> None:
    for name in (f"{path}.journal.tmp", f"{path}.journal", path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def lacking_bytes(blobs: str, mine: str, now: float, proved: bool) -> int:
    """What those parts still need that somebody works on; `now` by the volume's clock."""
    total = 0
    for path in glob.glob(os.path.join(glob.escape(blobs), "*.part")):
        if path != mine:
            with contextlib.suppress(OSError):
                found = os.lstat(path)
                if is_alive(path, found.st_mtime, now, proved):
                    total += max(0, found.st_size - found.st_blocks * 512)
    return total


def is_alive(path: str, touched: float, now: float, proved: bool) -> bool:
    """Does somebody work on the part? By its lock, or where that proves nothing by when it was touched last."""
    if not proved or re.search(r"\.[0-9a-f]{8}\.part$", path):
        return now - touched < 4 * SIGN_OF_LIFE_S
    if (fd := peek(path)) is None:
        return os.path.exists(path)
    os.close(fd)
    return False


def _is_local(fd: int) -> bool:
    """Is the file on a mount whose locks stay on this node?"""
    device = os.fstat(fd).st_dev
    with contextlib.suppress(OSError), open("/proc/self/mountinfo") as mounts:
        ours = f" {os.major(device)}:{os.minor(device)} "
        return any(ours in line and _LOCAL.search(line) for line in mounts)
    return False
