"""`ops render`: the whole stack as plain manifests in a directory, without CLI, state or cluster."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi

from ops.base import atomic
from ops.base.errors import OpsError
from ops.base.files import read
from ops.render import readme
from ops.render.manifests import MARKS, Manifest, manifests, secrets, suffix
from ops.render.recorder import PROGRAM, Recorder, Registration, run_program
from ops.stack import stack_file
from plan.config.places import with_lines
from plan.config.stack_file import NO_CLUSTER, Facts, complete

ROOT = PROGRAM.parent
README = "README.md"
_GOOD = "new, empty, or rendered before"


def run(stack: str, directory: Path, config: Path | None) -> None:
    """Write the stack into `directory`, remove what is no longer in it, and print a summary. Raises OpsError first."""
    named = stack_file.path(stack)
    file = config or ROOT / named
    raw = complete(stack_file.configuration(file), Facts(NO_CLUSTER))  # no manifest shows the cluster's uid
    recorder = Recorder(_uid(raw["cluster"]), suffix)
    recorder.install()
    try:
        run_program(raw)
    except pulumi.RunError as error:
        other = (
            "" if config else "; for what it leaves to the machine, pass the file that `make up` wrote with --config"
        )
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        told = with_lines(cause, file, lambda: read(file))
        raise OpsError(str(told), f"correct {file}{other}") from None
    made = manifests(recorder.registered)
    try:
        changes = write(directory, files(stack, recorder.registered))
    except OSError as error:
        raise OpsError(
            f"{directory}: {error.strerror}", "repair that or take another directory, and run it again"
        ) from None
    _show(stack, directory, made, changes)


def _uid(cluster: object) -> str:
    """The uid the program will look for; what is not a cluster is left for the program to refuse."""
    return str(cast("dict[str, Any]", cluster).get("id", NO_CLUSTER)) if isinstance(cluster, dict) else NO_CLUSTER


def files(stack: str, registered: Sequence[Registration]) -> dict[str, str]:
    """The content of every file of the directory, by path."""
    made = manifests(registered)
    texts = {manifest.path: manifest.text(stack) for manifest in made}
    return {README: readme.text(stack, made, secrets(registered)), **texts}


def write(directory: Path, wanted: Mapping[str, str]) -> Counter[str]:
    """Make the directory hold `wanted` and nothing else. Returns the number of files written, unchanged and removed.

    Raises OpsError when there is a file that render did not write.
    """
    there = _ours(directory)
    changes: Counter[str] = Counter()
    for path, content in wanted.items():
        if there.pop(path, None) == content.encode():
            changes["unchanged"] += 1
        else:
            changes["written"] += 1
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            atomic.write(directory / path, content)
    for path in there:
        changes["removed"] += 1
        (directory / path).unlink()
    for group in {(directory / path).parent for path in there} - {directory}:
        if not any(group.iterdir()):
            group.rmdir()
    return changes


def _ours(directory: Path) -> dict[str, bytes]:
    """The content of every file there, by path; raises OpsError when render did not write one of them."""
    if directory.exists() and not directory.is_dir():
        raise OpsError(f"{directory} is not a directory", f"name one that is {_GOOD}")
    there: dict[str, bytes] = {}
    for path in directory.rglob("*"):  # stops at the first foreign file: the directory may be somebody's home
        if path.is_dir() and not path.is_symlink():
            continue
        content = path.read_bytes() if path.is_file() and not path.is_symlink() and _is_ours(path) else None
        if content is None:
            raise OpsError(f"{path} was not written by render", f"name a directory that is {_GOOD}")
        there[str(path.relative_to(directory))] = content
    return there


def _is_ours(file: Path) -> bool:
    with file.open("rb") as opened:
        first = opened.readline(max(map(len, MARKS)) + 8)
    return any(mark.encode() in first for mark in MARKS)


def _show(stack: str, directory: Path, made: Sequence[Manifest], changes: Mapping[str, int]) -> None:
    for group in dict.fromkeys(manifest.group for manifest in made):
        kinds = Counter(manifest.kind for manifest in made if manifest.group == group)
        print(f"{group:9} {', '.join(f'{count} {kind}' for kind, count in kinds.items())}")
    done = ", ".join(f"{changes[what]} {what}" for what in ("written", "unchanged", "removed") if changes.get(what))
    print(f"{len(made)} objects of stack {stack} in {directory} ({done}); {README} says how to apply them")
