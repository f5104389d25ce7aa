"""Bytes that lie on the volume already, under any other name: found by size, proved by sha256, copied, not fetched.

Copied, and not linked: whoever can write to the old name would else write into what a server reads, and every check
would be older than that. On btrfs, XFS and NFS 4.2 the copy shares its blocks with the original and takes no time or
room (FICLONE). What people put there stays as it is. The copy grows as a part with a journal: a kill costs a segment.
"""

import contextlib
import fcntl
import glob
import os
import stat
from collections import deque
from collections.abc import Iterator

from pods.core.report import ExitError, say
from pods.fetch.manifest import File
from pods.fetch.model_on_volume import Volume
from pods.fetch.part import FencedError, Part
from pods.volume.files import digest
from pods.volume.quarantine import PLACES, quarantine

_FICLONE = 0x40049409  # linux/fs.h
MOST_ENTRIES = 200_000  # a share that holds more than weights is not searched for hours


def adopt(volume: Volume, missing: list[File]) -> list[File]:
    """Take over whatever is already there; returns the files that are still missing. Only a size that fits is read."""
    root = volume.manifest.root
    for path in [*_trashed(root, missing), *_candidates(root, {file.size for file in missing})]:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            say("not-adopted", candidate=path, reason=str(error))
            continue
        try:
            missing = _match(volume, missing, path, fd)
        finally:
            os.close(fd)
        if not missing:
            break
    return missing


def detach(volume: Volume, file: File) -> bool:
    """Give a blob that has a second name an inode of its own; False where its bytes are no longer the locked ones."""
    blob = volume.blob(file)
    try:
        with open(blob, "rb") as source:
            copied, judged = _copy(volume, file, source.fileno()), os.fstat(source.fileno())
    except (ExitError, OSError) as error:  # no room, or read-only: what is there is right, and is served
        say("shared", blob=blob, reason=f"it has another name, by which somebody may write into it: {error}")
        return True
    if copied is False:
        say("damaged", file=file.path, expected=file.sha256, reason="it was written to by its other name")
        if not quarantine(volume.manifest.root, file.sha256, judged):
            return volume.has(file)
    return copied is not False


def _match(volume: Volume, missing: list[File], path: str, fd: int) -> list[File]:
    found = os.fstat(fd)
    wanted = [file for file in missing if file.size == found.st_size and stat.S_ISREG(found.st_mode)]
    if not wanted:
        return missing
    try:
        sha256 = digest(fd, found.st_size, path, volume.manifest.progress_s)
    except OSError as error:
        say("not-adopted", candidate=path, reason=str(error))
        return missing
    for file in wanted:
        if file.sha256 == sha256 and (how := _take(volume, file, path, fd)):
            say("adopted", file=file.path, source=path, how=how)
            return [other for other in missing if other.sha256 != sha256]
    return missing


def _take(volume: Volume, file: File, path: str, fd: int) -> str:
    """Make the file at `path` the blob; says how, or nothing where it was not to be."""
    if os.path.dirname(path) == os.path.join(volume.manifest.root, ".trash", "blobs") and os.fstat(fd).st_nlink == 1:
        volume.receipt(file, fd)  # it was ours, and has no other name
        os.rename(path, volume.blob(file))
        return "moved" if volume.has(file) else ""
    try:
        if _copy(volume, file, fd):
            return "copied"
    except ExitError as error:
        what = f"{error}. {path} has the right bytes"
        there = volume.blob(file)
        raise ExitError(error.code, f"{what}: where nobody writes it any more, `mv {path} {there}`") from None
    say("not-adopted", candidate=path, reason="somebody is writing it, or fetches the same file")
    return ""


def _copy(volume: Volume, file: File, fd: int) -> bool | None:
    """Have these bytes become the blob, in an inode of our own? None where another fetcher has the part."""
    if not (part := Part.take(volume, file)):
        return None
    try:
        try:
            fcntl.ioctl(part.fd, _FICLONE, fd)
        except OSError:  # another file system, or one whose files share nothing
            volume.require_room([file])
            part.fill_from(fd, [(0, file.size)])
        if digest(part.fd, file.size, file.path, volume.manifest.progress_s) != file.sha256:
            part.discard()
            return False
        part.keep()
        return True
    except FencedError:
        return None
    finally:
        part.close()


def _trashed(root: str, missing: list[File]) -> list[str]:
    """What prune has set aside and a rollback wants again; it bears its hash in its name."""
    names = [os.path.join(glob.escape(root), ".trash", "blobs", f"sha256-{file.sha256}.*") for file in missing]
    return sorted(path for name in names for path in glob.glob(name))


def _candidates(root: str, sizes: set[int]) -> list[str]:
    """Regular files of these sizes below `root`: one walk that follows no link and survives what it may not read."""
    found, unreadable = list[str](), list[str]()
    for seen, entry in enumerate(_walk(root, unreadable)):
        if seen == MOST_ENTRIES:
            say("not-searched", reason=f"the volume holds more than {MOST_ENTRIES} files; the search ended there")
            break
        with contextlib.suppress(OSError):  # gone meanwhile
            if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size in sizes:
                found.append(entry.path)
    if unreadable:
        say("not-searched", reason="unreadable", count=len(unreadable), directories=unreadable[:10])
    return sorted(found)


def _walk(root: str, unreadable: list[str]) -> Iterator[os.DirEntry[str]]:
    """Everything below `root` but our own directories, what is near the top first."""
    directories = deque([root])
    while directories:
        directory = directories.popleft()
        try:
            with os.scandir(directory) as listing:
                for entry in listing:
                    if directory == root and entry.name in PLACES:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
                    yield entry
        except OSError:
            unreadable.append(directory)
