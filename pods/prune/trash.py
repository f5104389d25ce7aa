"""How prune changes the volume: marks, moves into .trash, back out of it, and the removal of what has lain there.

Every step is one rename or unlink, and the next run finds anew what is to be done: a crash leaves nothing to repair.
"""

import contextlib
import os

from pods.volume.files import replace
from pods.volume.inventory import MARKER, Aside, Blob, Generation, Inventory, generation
from pods.volume.parts import peek
from pods.volume.quarantine import PUBLISHED


def mark(it: Generation, stamp: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        replace(os.path.join(it.path, MARKER), {"since": stamp})


def unmark(it: Generation) -> bool:
    """False when there was no mark."""
    return _unlink(os.path.join(it.path, MARKER))


def move_generation(root: str, it: Generation, stamp: int) -> None:
    """READY.json goes with its directory, and so counts no more; should it come back, the gate waits for it again."""
    _unlink(os.path.join(root, PUBLISHED, f"{it.id}-{it.gen}"))
    above = os.path.dirname(it.path)
    current = os.path.join(above, "current")
    if os.path.islink(current) and os.readlink(current) == it.gen:
        _unlink(current)
    _aside(it.path, os.path.join(root, ".trash", it.id), it.gen, stamp)
    with contextlib.suppress(OSError):  # another generation lies there, or something that is not ours
        os.rmdir(above)


def move_blob(root: str, it: Blob, stamp: int) -> bool:
    """False when a fetch has taken its part up; nothing has moved then."""
    with contextlib.ExitStack() as held:
        for part in it.parts:
            if (lock := peek(part.path)) is None:
                return False
            held.callback(os.close, lock)
        # Journals go first: one must never vouch for a part that is not its own. The receipt goes last.
        for suffix in it.files:
            if ".journal" in suffix:
                _unlink(it.files[suffix].path)
        for entry in [*it.parts, *(it.files[suffix] for suffix in it.files if not suffix)]:
            _aside(entry.path, os.path.join(root, ".trash", "blobs"), os.path.basename(entry.path), stamp)
        if ".ok" in it.files:
            _unlink(it.files[".ok"].path)
    return True


def restore(root: str, found: Inventory, needed: set[str]) -> list[str]:
    """Bring blobs back that are needed and lie in the trash: the lock went back, or a fetch ended beside this run."""
    back: list[str] = []
    for it in found.aside:
        in_trash = it.entry.path.startswith(os.path.join(root, ".trash", ""))
        if in_trash and it.sha256 in needed and "" not in found.blobs.get(it.sha256, Blob(it.sha256)).files:
            with contextlib.suppress(FileNotFoundError):
                os.replace(it.entry.path, os.path.join(root, ".blobs", f"sha256-{it.sha256}"))
                back.append(it.sha256)
                needed = needed - {it.sha256}
    return back


def remove(it: Aside) -> int:
    """Remove for good what was set aside, unless something unknown was put into it; returns the bytes that are free."""
    path = it.entry.path
    if not os.path.isdir(path):
        with contextlib.suppress(FileNotFoundError):
            freed = it.entry.size_bytes if os.lstat(path).st_nlink == 1 else 0
            os.unlink(path)
            return freed
        return 0
    inside = Inventory()
    with contextlib.suppress(FileNotFoundError):
        if not generation(inside, path, "", "").unknown:
            for name in os.listdir(path):
                _unlink(os.path.join(path, name))
            with contextlib.suppress(OSError):
                os.rmdir(path)
                os.rmdir(os.path.dirname(path))
    return 0


def _aside(path: str, directory: str, name: str, stamp: int) -> None:
    os.makedirs(directory, exist_ok=True)
    while os.path.lexists(target := os.path.join(directory, f"{name}.{stamp}")):
        stamp += 1
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, target)


def _unlink(path: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        return True
    return False
