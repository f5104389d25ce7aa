"""Finds the files of a model in a repository by whole words of their names, never by substring.

`F16` does not match `BF16`, `UD-Q4_K_M` is a quantization of its own, and a split model is all of its parts. A file
that by its name is something else than a model is none, and where more than one fits, none is taken.
"""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ops.base.errors import OpsError
from plan.models.file_names import SPLIT, tag
from plan.models.lock import Role
from plan.text.show import LINE, plain, words

Parts = tuple[str, ...]
_SHOWN = 20
# What the words of a file's name, or of its directory's, say that it is instead of a model.
_OTHERS = {
    "an imatrix": re.compile("imatrix"),
    "an adapter": re.compile("lora|loras|qlora|adapter|adapters"),
    "a drafter": re.compile("mtp|draft|drafter|assistant|dflash.*|eagle.*"),
}


class Kind(NamedTuple):
    """A kind of file: its name in errors, and the keys by which the stack file names one."""

    name: str
    key: str
    file_key: str


KINDS = {
    "model": Kind("model", "quant", "file"),
    "mmproj": Kind("vision projector", "mmproj", "mmproj_file"),
    "draft": Kind("drafter", "draft.quant", "draft.file"),
}


def by_tag(repo: str, paths: Iterable[str], role: Role, wanted: str, *, alone: bool = False) -> Parts:
    """The one file of this quantization, its parts in order; raises OpsError listing what there is otherwise.

    A drafter is what its name says to be one, and in a repository that is `alone` its own any model.
    """
    ggufs = [path for path in paths if path.lower().endswith(".gguf")]
    roles = {"draft": ("a drafter", *(["model"] if alone else []))}.get(role, (role,))
    groups = _groups(path for path in ggufs if role_by_name(path) in roles)
    kind, fitting = KINDS[role], [parts for parts in groups.values() if tag(parts[0]) == wanted.upper()]
    if not fitting:
        raise _none(repo, groups, [path for path in ggufs if role_by_name(path) in {*_OTHERS} - {*roles}], kind, wanted)
    if len(fitting) > 1:
        names = "".join(f"\n    {plain(parts[0])}" for parts in fitting[:_SHOWN])
        names += f"\n    and {len(fitting) - _SHOWN} more" if fitting[_SHOWN:] else ""
        raise OpsError(f"{repo} has {len(fitting)} {kind.name}s {wanted}:{names}", _set(kind.file_key, kind.key))
    return _whole(repo, fitting[0], paths, kind)


def by_path(repo: str, paths: Collection[str], role: Role, wanted: str) -> Parts:
    """The file at this path, with all parts of the split model that it belongs to, in order; raises OpsError."""
    kind, paths = KINDS[role], list(paths)
    if wanted not in paths:
        ggufs = [path for path in paths if path.lower().endswith(".gguf")]
        near = difflib.get_close_matches(wanted, ggufs[:1000], n=3, cutoff=0.5) or sorted(ggufs)
        there = f"there is {words(', '.join(map(plain, near)), LINE)}" if near else "and no other in GGUF form"
        raise OpsError(f"{repo} has no file {plain(wanted)}; {there}", f"set `{kind.file_key}` to a path that it has")
    return _whole(repo, (wanted,), paths, kind)


def part(path: str, total: int) -> str | None:
    """ "2/3" for the second piece of a split model, None for a whole one."""
    match = SPLIT.search(path)
    return f"{int(match[1])}/{total}" if match else None


def siblings(path: str) -> Parts:
    """All parts of the split model that `path` belongs to, in order; only `path` where the model is one file.

    Raises OpsError for a name that counts more parts than there are, such as 00001-of-00000.
    """
    match = SPLIT.search(path)
    if not match:
        return (path,)
    number, total = int(match[1]), int(match[2])
    if not 1 <= number <= total:
        raise OpsError(f"{path} is no part of a model: its name says part {number} of {total}", "name another file")
    return tuple(f"{path[: match.start()]}-{at:05d}-of-{match[2]}.gguf" for at in range(1, total + 1))


def role_by_name(path: str) -> str:
    """ "model", "mmproj", or what the file is instead: "a drafter", "an adapter", "an imatrix"."""
    said = [word for word in re.split(r"[^a-z0-9]+", path.lower()) if word]
    other = next((kind for kind, pattern in _OTHERS.items() if any(map(pattern.fullmatch, said))), None)
    return other or ("mmproj" if "mmproj" in said else "model")


def _groups(paths: Iterable[str]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        groups[SPLIT.sub(r"-of-\2.gguf", path)].append(path)
    return groups


def _none(repo: str, groups: Mapping[str, list[str]], others: list[str], kind: Kind, wanted: str) -> OpsError:
    """What there is in place of the quantization that was asked for, and the key by which each of it can be named."""
    counted = Counter(tag(parts[0]) for parts in groups.values())
    tags = sorted(name for name, count in counted.items() if name and "+" not in name and count == 1)
    files = sorted(plain(parts[0]) for parts in groups.values() if tag(parts[0]) not in tags)
    # One that has the quantization is the one that was meant, or the one that must not be taken for it.
    aside = sorted(path for path in others if not groups or tag(path) == wanted.upper())[:1]
    also = "".join(f"; {plain(path)} is {role_by_name(path)} by its name" for path in aside)
    if not groups:
        fix = _set(kind.file_key, kind.key) if aside else "name another repository in the stack file"
        return OpsError(f"{repo} has no {kind.name} in GGUF form{also}", fix)
    there = words(" and ".join(filter(None, (", ".join(tags), ", ".join(files)))), LINE)
    fix = f"set `{kind.key}` to one of them" if tags else _set(kind.file_key, kind.key)
    fix += f", or `{kind.file_key}` to the path of a file" if tags and files else ""
    return OpsError(f"{repo} has no {kind.name} {wanted}; there are {there}{also}", fix)


def _set(file_key: str, key: str) -> str:
    return f"set `{file_key}` to the path of one of them, in place of `{key}`"


def _whole(repo: str, parts: Iterable[str], paths: Iterable[str], kind: Kind) -> Parts:
    """All parts of the model that these are of; raises OpsError where one is missing, or where none can be loaded."""
    first = min(parts)
    whole = siblings(first)
    there = next(parts for parts in _groups(paths).values() if first in parts)
    if tuple(there) != whole:
        numbers = [number[1] for path in there if (number := SPLIT.search(path))]
        what = f"{repo} has the parts {words(', '.join(numbers))} of {plain(first)}, which has {len(whole)}"
        raise OpsError(what, "name a complete repository, or copy the files again")
    if kind is KINDS["mmproj"] and len(whole) > 1:
        what = f"{repo} has {plain(first)} in {len(whole)} parts, and llama.cpp reads a projector from one file"
        raise OpsError(what, "name a projector of one file, or join the parts with llama-gguf-split")
    return whole
