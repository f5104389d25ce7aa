"""The page cache of this pod: how much of it files may take, how much they have taken, and reading so that they do.

Advice (posix_fadvise WILLNEED, readahead) returns at once and leaves next to nothing resident: only reading does.
"""

import collections
import concurrent.futures
import contextlib
import ctypes
import hashlib
import mmap
import os
from collections.abc import Callable, Iterator

# What the program itself needs of its limit: interpreter, buffers, the kernel's own pages.
RESERVE_BYTES = 128 << 20
_CHUNK_BYTES = 8 << 20
_READERS = 4  # over NFS one reader waits for the wire between two chunks
_WINDOW_BYTES = 1 << 30
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe in a file's place is not waited for
_NO_LIMIT = 1 << 60  # v1 writes the largest multiple of a page


def budget_bytes(limit_bytes: int | None) -> int:
    """min(90 % of MemAvailable, memory limit - 128 MiB): pages read are charged to the cgroup of who reads first.

    `limit_bytes` takes the place of the cgroup's own limit.
    """
    limits = [_available_bytes() * 9 // 10]
    if (limit := limit_bytes or cgroup_limit_bytes()) is not None:
        limits.append(limit - RESERVE_BYTES)
    return max(0, min(limits))


def read(path: str, limit_bytes: int, tick: Callable[[int], None]) -> tuple[str, int]:
    """Read up to `limit_bytes` in large reads: (sha256 of what was read, its bytes). `tick` learns of each chunk."""
    sha, total = hashlib.sha256(), 0
    fd = os.open(path, _READ)
    readers = concurrent.futures.ThreadPoolExecutor(_READERS)
    try:
        for data in _chunks(readers, fd, min(os.fstat(fd).st_size, limit_bytes)):
            sha.update(data)
            total += len(data)
            tick(len(data))
        if total == limit_bytes:  # the kernel has read ahead
            os.posix_fadvise(fd, total, 0, os.POSIX_FADV_DONTNEED)
    finally:
        readers.shutdown(wait=False, cancel_futures=True)
        os.close(fd)
    return sha.hexdigest(), total


def _chunks(readers: concurrent.futures.Executor, fd: int, size: int) -> Iterator[memoryview]:
    """The bytes in order, while the next chunks are on their way. A chunk is good until the next one is asked for."""
    flying = collections.deque[tuple[memoryview, concurrent.futures.Future[int]]]()
    buffers = [bytearray(_CHUNK_BYTES) for _ in range(min(_READERS, -(-size // _CHUNK_BYTES)))]
    for number, offset in enumerate(range(0, size, _CHUNK_BYTES)):
        if len(flying) == len(buffers):
            yield _landed(*flying.popleft())
        view = memoryview(buffers[number % len(buffers)])[: min(_CHUNK_BYTES, size - offset)]
        flying.append((view, readers.submit(os.preadv, fd, [view], offset)))
    while flying:
        yield _landed(*flying.popleft())


def _landed(view: memoryview, future: concurrent.futures.Future[int]) -> memoryview:
    if (got := future.result()) != len(view):
        raise OSError(f"{got} bytes came where {len(view)} were")
    return view


def forget(path: str) -> None:
    """Drop a file's pages, so that the next reading asks the disk or the server."""
    fd = os.open(path, _READ)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def resident_bytes(path: str) -> int | None:
    """How much of the file is in memory, by mincore(2); None for a file that is not ours.

    Since Linux 5.2 the kernel says of such a file that all of it is resident, true or not.
    """
    fd = os.open(path, _READ)
    try:
        found = os.fstat(fd)
        if os.geteuid() not in (0, found.st_uid) and not os.access(path, os.W_OK):
            return None
        pages = sum(
            _resident_pages(fd, offset, min(_WINDOW_BYTES, found.st_size - offset))
            for offset in range(0, found.st_size, _WINDOW_BYTES)
        )
        return min(pages * mmap.PAGESIZE, found.st_size)
    finally:
        os.close(fd)


def _resident_pages(fd: int, offset: int, size: int) -> int:
    address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, offset)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap")
    try:
        pages = ctypes.create_string_buffer(-(-size // mmap.PAGESIZE))
        if _libc.mincore(address, size, pages):
            raise OSError(ctypes.get_errno(), "mincore")
        return pages.raw.count(1)  # the other bits are reserved and clear
    finally:
        _libc.munmap(address, size)


def _load() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_int
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, number, number, number, ctypes.c_long]
    libc.mmap.restype = ctypes.c_void_p
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    return libc


_libc = _load()


def _available_bytes() -> int:
    with open("/proc/meminfo") as source:
        return next(int(line.split()[1]) << 10 for line in source if line.startswith("MemAvailable:"))


def cgroup_limit_bytes(own: str = "/proc/self/cgroup", tree: str = "/sys/fs/cgroup") -> int | None:
    """The smallest limit of our memory cgroup and what is above it, as far as it can be seen from here; v2 and v1."""
    limits: list[int] = []
    with open(own) as source:
        for line in source:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if not controllers:
                places, name = [tree, f"{tree}/unified"], "memory.max"
            elif "memory" in controllers.split(","):
                places, name = [f"{tree}/memory"], "memory.limit_in_bytes"
            else:
                continue
            steps = path.strip("/").split("/")
            # Without a namespace of its own a container sees the host's path, and only its own directory mounted.
            inner = ["/".join(steps[:depth]) for depth in range(len(steps) + 1)]
            limits += [limit for place in places for step in inner if (limit := _limit(f"{place}/{step}/{name}"))]
    return min(limits, default=None)


def _limit(path: str) -> int:
    with contextlib.suppress(OSError, ValueError), open(path) as source:
        limit = int(source.read())  # "max" in v2
        return limit if limit < _NO_LIMIT else 0
    return 0
