"""Bytes that lie on the volume already, under any other name: found by size, proved by sha256, linked, not fetched.

What people put there stays usable at its old path.
"""

import contextlib
import glob
import hashlib
import os
import secrets
from collections import deque
from collections.abc import Iterator

from pods.core.report import say
from pods.fetch.manifest import File
from pods.fetch.model_on_volume import Volume
from pods.volume.files import SYNC_BYTES, digest

OURS = {".blobs", ".slots", ".trash", ".quarantine"}
MOST_ENTRIES = 200_000  # a share that holds more than weights is not searched for hours


def adopt(volume: Volume, missing: list[File]) -> list[File]:
    """Take over whatever is already there; returns the files that are still missing. Only a size that fits is read."""
    root = volume.manifest.root
    for path in [*_trashed(root, missing), *_candidates(root, {file.size for file in missing})]:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
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


def _match(volume: Volume, missing: list[File], path: str, fd: int) -> list[File]:
    before = os.fstat(fd)
    wanted = [file for file in missing if file.size == before.st_size]
    if not wanted:
        return missing
    try:
        found = digest(fd, before.st_size, path, volume.manifest.progress_s)
    except OSError as error:
        say("not-adopted", candidate=path, reason=str(error))
        return missing
    after = os.fstat(fd)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        say("not-adopted", candidate=path, reason="somebody is writing it")
        return missing
    for file in wanted:
        if file.sha256 == found:
            how = _take(volume, file, path, fd)
            say("adopted", file=file.path, source=path, how=how)
            if volume.has(file):  # the path may have led to another file by now; its receipt would not fit
                volume.forget_part(file)
                return [other for other in missing if other.sha256 != file.sha256]
    return missing


def _take(volume: Volume, file: File, path: str, fd: int) -> str:
    """Make the file at `path` the blob: by a link, else by moving it (a link stays), else by copying it."""
    blob = volume.blob(file)
    with contextlib.suppress(OSError):  # another owner's
        os.fchmod(fd, 0o444)
    volume.receipt(file, fd)
    try:
        os.link(path, blob, follow_symlinks=False)
    except FileExistsError:
        return "there meanwhile"
    except OSError:  # no hard links here, or none to files of another owner (fs.protected_hardlinks), or another disk
        with contextlib.suppress(OSError):
            os.rename(path, blob)
            with contextlib.suppress(OSError):
                os.symlink(os.path.relpath(blob, os.path.dirname(path)), path)
            return "moved"
        volume.require_room([file])
        _copy(volume, file, fd)
        return "copied"
    return "linked"


def _copy(volume: Volume, file: File, fd: int) -> None:
    """The original stays: to remove what lies in another file system, or belongs to others, is not ours."""
    blob, sha = volume.blob(file), hashlib.sha256()
    draft = f"{blob}.{secrets.token_hex(4)}.tmp"
    with open(draft, "wb") as target:
        for position in range(0, file.size, 1 << 20):
            sha.update(data := os.pread(fd, 1 << 20, position))
            target.write(data)
            if position % SYNC_BYTES == 0:
                os.fdatasync(target.fileno())
        target.flush()
        os.fchmod(target.fileno(), 0o444)
        os.fsync(target.fileno())
        if sha.hexdigest() == file.sha256:
            volume.receipt(file, target.fileno())
            os.replace(draft, blob)
        else:
            os.unlink(draft)


def _trashed(root: str, missing: list[File]) -> list[str]:
    """What prune has set aside and a rollback wants again; it bears its hash in its name."""
    names = [os.path.join(root, ".trash", "blobs", f"sha256-{file.sha256}.*") for file in missing]
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
                    if directory == root and entry.name in OURS:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
                    yield entry
        except OSError:
            unreadable.append(directory)
