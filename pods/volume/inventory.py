"""What lies on the volume: generations, blobs, what was set aside, and what is not ours. Reads; writes nothing.

Ours is only what has a name and a form that fetch, warm and prune give; everything else is `unknown`, and is never
removed.
"""

import contextlib
import dataclasses
import math
import os
import re

from pods.core import json_text
from pods.volume.listing import Entry, entry_of, listing, size_of, target_of
from pods.volume.quarantine import PLACES, READY, WITHDRAWN

MARKER = ".unused.json"  # since when nothing needs the generation that it lies in
_PLACES = (*PLACES, "lost+found")
_GEN = re.compile(r"[0-9a-f]{12}")
_ID = re.compile(r"(?!\.)[A-Za-z0-9_.-]+")
_BLOB = re.compile(r"sha256-([0-9a-f]{64})(\.ok|(?:\.[0-9a-f]{8})?\.part(?:\.journal(?:\.tmp)?)?)?")
_LINK = re.compile(r"\.\./\.\./\.blobs/sha256-([0-9a-f]{64})")
_ASIDE = re.compile(
    r"(?:[0-9a-f]{12}|sha256-(?P<sha256>[0-9a-f]{64})(?:(?:\.[0-9a-f]{8})?\.part)?)\.(?P<since>\d{1,12})"
)
_DRAFT = re.compile(
    r"(?:READY\.json|\.unused\.json|sha256-[0-9a-f]{64}(?:\.ok)?|(?P<link>current|.+\.gguf))\.[0-9a-f]{8}\.tmp"
)
_PROBE = re.compile(r"tmp[a-z0-9_]{8}")  # tempfile's names: somebody tried whether he may write


@dataclasses.dataclass
class Generation:
    """One <id>/<gen>. `names` are the sha256 that its READY.json (or what withdrew it) or its links name; `since` is
    from its marker.
    """

    id: str
    gen: str
    path: str
    written: float
    ready: bool = False
    since: float | None = None
    names: set[str] = dataclasses.field(default_factory=set[str])
    unknown: list[str] = dataclasses.field(default_factory=list[str])


@dataclasses.dataclass
class Blob:
    """The files of one sha256 by suffix, "" for the bytes themselves."""

    sha256: str
    files: dict[str, Entry] = dataclasses.field(default_factory=dict[str, Entry])

    @property
    def parts(self) -> list[Entry]:
        return [entry for suffix, entry in self.files.items() if suffix.endswith(".part")]

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.files.values())

    @property
    def newest(self) -> float:
        return max(entry.mtime for entry in self.files.values())


@dataclasses.dataclass(frozen=True)
class Aside:
    """Something in .trash or .quarantine since a time that its name tells; `sha256` when it is a whole blob."""

    entry: Entry
    since: int
    sha256: str | None


@dataclasses.dataclass
class Inventory:
    """`elsewhere`: sha256 that something not ours names or leads to. `unreadable`: what may name any of them."""

    generations: list[Generation] = dataclasses.field(default_factory=list[Generation])
    blobs: dict[str, Blob] = dataclasses.field(default_factory=dict[str, Blob])
    aside: list[Aside] = dataclasses.field(default_factory=list[Aside])
    drafts: list[Entry] = dataclasses.field(default_factory=list[Entry])
    unknown: list[Entry] = dataclasses.field(default_factory=list[Entry])
    elsewhere: set[str] = dataclasses.field(default_factory=set[str])
    unreadable: list[str] = dataclasses.field(default_factory=list[str])


def scan(root: str) -> Inventory:
    """Look at every name below `root`; raises OSError when a directory of ours cannot be read."""
    found = Inventory()
    for entry in listing(root):
        if entry.name in _PLACES and entry.is_dir(follow_symlinks=False):
            continue
        if _is_model(entry):
            _model(found, entry)
        else:
            _foreign(found, entry)
    for entry in listing(os.path.join(root, ".blobs")):
        if (match := _BLOB.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False):
            found.blobs.setdefault(match[1], Blob(match[1])).files[match[2] or ""] = entry_of(entry)
        elif not _draft(found, entry):
            _foreign(found, entry)
    _aside(found, os.path.join(root, ".trash"), 1)
    _aside(found, os.path.join(root, ".quarantine"), 0)
    return found


def generation(found: Inventory, path: str, model_id: str, gen: str) -> Generation:
    """What one directory of links says; what is not ours in it goes to `found.unknown` too."""
    it = Generation(model_id, gen, path, os.stat(path).st_mtime)
    for entry in listing(path):
        if match := _LINK.fullmatch(target_of(entry)):
            it.names.add(match[1])
        elif entry.name in (READY, WITHDRAWN, MARKER) and entry.is_file(follow_symlinks=False):
            if entry.name == MARKER:
                it.since = _since(entry.path)
            else:
                known = entry_of(entry)
                it.ready = it.ready or (entry.name == READY and known.mtime < math.inf)
                it.written = min(known.mtime, it.written)
                it.names |= _names(found, entry.path)
        elif not _draft(found, entry):
            it.unknown.append(entry.name)
            _foreign(found, entry)
    return it


def _is_model(entry: os.DirEntry[str]) -> bool:
    if not (entry.is_dir(follow_symlinks=False) and _ID.fullmatch(entry.name)):
        return False
    with contextlib.suppress(PermissionError):
        return any(_is_generation(child) or _is_current(child) for child in listing(entry.path))
    return False


def _is_generation(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and bool(_GEN.fullmatch(entry.name))


def _is_current(entry: os.DirEntry[str]) -> bool:
    return entry.name == "current" and bool(_GEN.fullmatch(target_of(entry)))


def _model(found: Inventory, directory: os.DirEntry[str]) -> None:
    for entry in listing(directory.path):
        if _is_generation(entry):
            with contextlib.suppress(FileNotFoundError):
                found.generations.append(generation(found, entry.path, directory.name, entry.name))
        elif not _is_current(entry) and not _draft(found, entry):
            _foreign(found, entry)


def _draft(found: Inventory, entry: os.DirEntry[str]) -> bool:
    if match := _DRAFT.fullmatch(entry.name):
        ours = entry.is_symlink() == (match["link"] is not None) and not entry.is_dir(follow_symlinks=False)
    else:
        probe = _PROBE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ours = bool(probe) and size_of(entry.path) == 0
    if ours:
        found.drafts.append(entry_of(entry))
    return ours


def _aside(found: Inventory, place: str, depth: int) -> None:
    """Things with a time in their name, `depth` directories below `place`."""
    for entry in listing(place):
        if depth and entry.is_dir(follow_symlinks=False) and _ID.fullmatch(entry.name):
            _aside(found, entry.path, depth - 1)
        elif not depth and (match := _ASIDE.fullmatch(entry.name)) and not entry.is_symlink():
            whole = match["sha256"] if entry.name == f"sha256-{match['sha256']}.{match['since']}" else None
            found.aside.append(Aside(entry_of(entry), int(match["since"]), whole))
        elif not _draft(found, entry):
            found.unknown.append(entry_of(entry))


def _foreign(found: Inventory, entry: os.DirEntry[str]) -> None:
    """Not ours, and yet a READY.json in it counts, and a link to a blob: one that a fetch has moved from there."""
    size, tree = 0, "" if entry.is_symlink() else entry.path
    for directory, _, files in os.walk(tree, onerror=lambda error: _unread(found, error)):
        for name in files:
            size += _claim(found, os.path.join(directory, name))
    size += _claim(found, entry.path)
    found.unknown.append(Entry(entry.path, size, entry_of(entry).mtime))


def _claim(found: Inventory, path: str) -> int:
    """Note which blobs a person's file needs; returns its bytes."""
    with contextlib.suppress(OSError):
        place, name = os.path.split(os.readlink(path))
        if os.path.basename(place) == ".blobs" and (match := _BLOB.fullmatch(name)):
            found.elsewhere.add(match[1])
    if os.path.basename(path) == READY and os.path.isfile(path):
        found.elsewhere |= _names(found, path)
    return size_of(path)


def _unread(found: Inventory, error: OSError) -> None:
    if not isinstance(error, (NotADirectoryError, FileNotFoundError)):
        found.unreadable.append(str(error.filename))


def _names(found: Inventory, ready: str) -> set[str]:
    try:
        return {str(file["sha256"]) for file in json_text.read(ready)["files"]}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError):
        found.unreadable.append(ready)
        return set()


def _since(marker: str) -> float | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        since = json_text.read(marker)["since"]
        return float(since) if type(since) in (int, float) else None
    return None
