"""Finds the files of a model in a repository by whole words of their names, never by substring.

`F16` does not match `BF16`, `UD-Q4_K_M` is a quantization of its own, and a split model is all of its parts. Where more
than one model matches, it refuses.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ops.base.errors import OpsError
from plan.models.file_names import SPLIT, is_projector, tag
from plan.text.show import LINE, plain, words

Parts = tuple[str, ...]
_SHOWN = 20


def model_files(repo: str, paths: Iterable[str], quant: str) -> Parts:
    """The one model of this quantization, its parts in order; raises OpsError listing what there is otherwise."""
    groups = _groups(path for path in paths if _role(path) == "model")
    return _only(repo, groups, quant, "model", "quant")


def mmproj_file(repo: str, paths: Iterable[str], precision: str) -> str:
    """The one vision projector of this precision; raises OpsError listing what there is otherwise."""
    groups = _groups(path for path in paths if _role(path) == "mmproj")
    return _only(repo, groups, precision, "vision projector", "mmproj")[0]


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


def _role(path: str) -> str | None:
    name = path.rsplit("/", 1)[-1].lower()
    tokens = re.split(r"[-._/]", path.lower())
    if not name.endswith(".gguf") or "imatrix" in tokens or name.startswith(("mtp-", "eagle3-")):
        return None
    return "mmproj" if is_projector(path) else "model"


def _groups(paths: Iterable[str]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        groups[SPLIT.sub(r"-of-\2.gguf", path)].append(path)
    return groups


def _only(repo: str, groups: Mapping[str, list[str]], wanted: str, what: str, key: str) -> Parts:
    fitting = [parts for parts in groups.values() if tag(parts[0]) == wanted.upper()]
    if not groups:
        raise OpsError(f"{repo} has no {what} in GGUF form", "name another repository in the stack file")
    if not fitting:
        tags = sorted({tag(parts[0]) for parts in groups.values()} - {""})
        if not tags:
            names = words(", ".join(sorted(plain(parts[0]) for parts in groups.values())), LINE)
            raise OpsError(f"{repo} has no {what} {wanted}, only {names}", "name another repository in the stack file")
        there = words(", ".join(tags), LINE)
        raise OpsError(f"{repo} has no {what} {wanted}; there are {there}", f"set `{key}` to one of them")
    if len(fitting) > 1:
        names = "".join(f"\n    {plain(parts[0])}" for parts in fitting[:_SHOWN])
        names += f"\n    and {len(fitting) - _SHOWN} more" if fitting[_SHOWN:] else ""
        raise OpsError(f"{repo} has {len(fitting)} {what}s {wanted}:{names}", "name a repository with one such file")
    (parts,) = fitting
    whole = siblings(parts[0])
    if SPLIT.search(parts[0]) and tuple(parts) != whole:
        numbers = [number[1] for one in parts if (number := SPLIT.search(one))]
        what = f"{repo} has the parts {words(', '.join(numbers))} of {plain(parts[0])}, which has {len(whole)}"
        raise OpsError(what, "name a complete repository, or copy the files again")
    return whole
