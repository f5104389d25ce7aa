"""A blob found damaged: no program is told any more that it is whole, then it is set aside.

.quarantine/sha256-<hex>.<unix time>   moved, not removed: a server may have it mapped
.published/<id>-<gen>                  made when a generation is whole for the first time, and never withdrawn
<id>/<gen>/WITHDRAWN.json              READY.json of a generation that names it; back when its bytes are whole again
"""

import contextlib
import errno
import functools
import glob
import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import Any

from pods.core import json_text
from pods.core.report import say

READY, WITHDRAWN = "READY.json", "WITHDRAWN.json"
PUBLISHED = ".published"
# What a read answers where the disk has lost bytes (EUCLEAN, EBADMSG: the file system's own checksum is wrong).
LOST = (errno.EIO, errno.EUCLEAN, errno.EBADMSG)
PLACES = (".blobs", ".slots", ".quarantine", ".trash", PUBLISHED)  # our own directories of a volume


def was_published(root: str, model_id: str, gen: str) -> bool:
    """Whether the generation was whole once, even if nothing of it is left."""
    return os.path.exists(os.path.join(root, PUBLISHED, f"{model_id}-{gen}"))


def quarantine(root: str, sha256: str, judged: os.stat_result) -> bool:
    """Set aside the blob that was found damaged; False where another fetcher has put a whole one into its place.

    What promised it is withdrawn first, its receipt goes last.
    """
    blob, aside = os.path.join(root, ".blobs", f"sha256-{sha256}"), os.path.join(root, ".quarantine")
    if _is_another(blob, judged):
        return False
    withdrawn = _withdraw(root, sha256)
    os.makedirs(aside, exist_ok=True)
    target = os.path.join(aside, f"sha256-{sha256}.{int(time.time())}")
    with contextlib.suppress(FileNotFoundError):
        os.replace(blob, target)
        if _is_another(target, judged):  # it came after we had looked
            os.replace(target, blob)
            _promise(withdrawn, functools.partial(_is_there, root))  # unless another file has gone meanwhile
            return False
        say("quarantined", blob=blob, moved_to=target)
    if receipted_bytes(blob) is None:  # else a whole one has come by now
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{blob}.ok")
    return True


def _withdraw(root: str, sha256: str) -> list[str]:
    done = list[str]()
    for ready in _generations(root, READY):
        if any(file.get("sha256") == sha256 for file in _files(ready)):
            withdrawn = os.path.join(os.path.dirname(ready), WITHDRAWN)
            with contextlib.suppress(FileNotFoundError):  # another fetcher found the same
                os.replace(ready, withdrawn)
                say("withdrawn", ready=ready)
                done.append(withdrawn)
    return done


def _is_there(root: str, sha256: str, size: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.stat(os.path.join(root, ".blobs", f"sha256-{sha256}")).st_size == size
    return False


def _is_another(path: str, judged: os.stat_result) -> bool:
    """Is there a file, and not the one that was judged?"""
    with contextlib.suppress(FileNotFoundError):
        return not os.path.samestat(os.lstat(path), judged)
    return False


def receipted_bytes(blob: str) -> int | None:
    """The size of a blob whose receipt is about these bytes; None without one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        receipt, found = json_text.read(f"{blob}.ok"), os.lstat(blob)
        if (receipt["size"], receipt["mtime_ns"]) == (found.st_size, found.st_mtime_ns) and stat.S_ISREG(found.st_mode):
            return found.st_size
    return None


def restore(root: str, is_proved: Callable[[str, int], bool]) -> None:
    """Bring back what was withdrawn and is whole again. A model of another Job would wait for ever otherwise."""
    _promise(_generations(root, WITHDRAWN), is_proved)


def _promise(withdrawn: Iterable[str], is_whole: Callable[[str, int], bool]) -> None:
    for path in withdrawn:
        files = _files(path)
        if files and all(is_whole(file["sha256"], file["size"]) for file in files):
            os.replace(path, os.path.join(os.path.dirname(path), READY))


def _generations(root: str, name: str) -> list[str]:
    # Twelve digits: `current` leads to a generation a second time. What is a link leads to somebody else's.
    found = sorted(glob.glob(os.path.join(glob.escape(root), "*", "[0-9a-f]" * 12, name)))
    top = os.path.realpath(root)
    return [path for path in found if os.path.realpath(path) == os.path.join(top, os.path.relpath(path, root))]


def _files(ready: str) -> list[dict[str, Any]]:
    try:
        return [{"sha256": str(f["sha256"]), "size": int(f["size"])} for f in json_text.read(ready)["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        say("unreadable", file=ready, reason=repr(error))
        return []
