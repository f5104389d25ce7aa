"""`ops lock --from DIR`: locks models from files in a directory, for networks that cannot reach a hub.

The sha256 of each file is computed. Its commit cannot be computed: it is read from the notes of the hub's library (its
cache, or `hf download --local-dir`), or a person passes --commit.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ops.base import files
from ops.base.errors import OpsError
from ops.base.terminal import console
from ops.gguf import byte_ranges
from ops.lock.locked_model import Chosen, Repository, Resolved, choose, entry, locked_file, repositories
from plan.config import Model
from plan.models.lock import COMMIT, SHA256, LockedFile
from plan.text.decode import decode
from plan.text.errors import Source
from plan.text.show import plain, show

_BLOCK_BYTES = 1 << 20
_BY_HAND = "name the models of one: bin/local-llm lock --update ID --from DIR --commit COMMIT"
_BY_DOWNLOAD = "leave it out, and copy both with hf download --local-dir, which notes the commits"
_ASK = "pass --commit with the 40 hex digits that the hub shows, for the models of one repository at a time"


class _Record(NamedTuple):
    """What the hub's library noted about a file; "" where it noted nothing."""

    commit: str
    sha256: str


def resolve(models: Mapping[str, Model], root: Path, commit: str | None) -> dict[str, Resolved]:
    """The locked models from files below `root`; `commit` counts where no other is recorded. Raises OpsError."""
    if commit and not COMMIT.fullmatch(commit):
        raise OpsError(f"{show(commit)} is not a commit", _ASK)
    repos = sorted({it.repo for model in models.values() for it in repositories(model)})
    if commit and len(repos) > 1:
        what = f"--commit is for one repository, and the models are from {', '.join(repos)}"
        raise OpsError(what, _BY_HAND if len({it.repo for it in models.values()}) > 1 else _BY_DOWNLOAD)
    columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
    try:
        # A cache of the hub's library is made of links, and all of them stay in it.
        root = root.resolve()
        places = {
            key: [_place(it.repo, root, len(repos)) for it in repositories(model)] for key, model in models.items()
        }
        with Progress(
            TextColumn("{task.description}", markup=False), *columns, console=console(stderr=True)
        ) as progress:
            return {key: _resolve(model, root, places[key], commit, progress) for key, model in models.items()}
    except OSError as error:
        raise OpsError(f"{error.filename} cannot be read: {error.strerror}", "repair that, or copy it again") from None


def _inside(root: Path, path: Path) -> Path:
    """The path, where it leads to something below `root`; raises OpsError where a link in it leads elsewhere."""
    try:
        there = path.resolve()
    except RuntimeError:  # Python 3.11 and 3.12; later ones answer with the path, which cannot be opened
        raise OpsError(f"{path} is a link that leads back to itself", "copy the file there in its place") from None
    if not there.is_relative_to(root):
        raise OpsError(
            f"{path} leads out of {root}",
            "copy it there in place of the link, or pass with --from a directory that has both",
        )
    return path


def _place(repo: str, root: Path, repos: int) -> Path:
    owner, name = repo.split("/")
    plain, cache = root / owner / name, root / f"models--{owner}--{name}"
    for place in (plain, cache):
        if place.is_dir():
            return _inside(root, place)
    if repos == 1 and any(root.glob("*.gguf")):
        return root
    also = "" if repos == 1 else "; .gguf files directly in it could be of any of the repositories"
    raise OpsError(f"{root} has neither {repo} nor {cache.name}{also}", f"put the files into {plain}")


def _resolve(model: Model, root: Path, places: Sequence[Path], commit: str | None, progress: Progress) -> Resolved:
    files, own, at = list[LockedFile](), "", dict[LockedFile, Path]()
    for repository, there in zip(repositories(model), places, strict=True):
        known, found = _files(model, repository, root, there, commit, progress)
        own = own or known
        at |= found
        files += found
    return entry(model, own, files, lambda file: partial(byte_ranges.of_file, at[file]))


def _files(
    model: Model, repository: Repository, root: Path, place: Path, commit: str | None, progress: Progress
) -> tuple[str, dict[LockedFile, Path]]:
    """The commit of a repository, and those of its files that are the model's, with where each is."""
    commit = commit or (repository.revision if COMMIT.fullmatch(repository.revision) else None)
    if (place / "snapshots").is_dir():
        place = _inside(root, _snapshot(root, place, repository.revision, commit))
    # Folders of DIR itself can hold other repositories, so only its own files are taken.
    paths = (file.relative_to(place).as_posix() for file in place.glob("*.gguf" if place == root else "**/*.gguf"))
    chosen = choose(model, repository, paths)
    for one in chosen:
        _inside(root, place / one.path)
    records = [_record(root, place, one.path) for one in chosen]
    known = _commit(place, {record.commit for record in records}, commit)
    elsewhere = None if repository.is_own else (repository.repo, known)
    pairs = zip(chosen, records, strict=True)
    return known, {_locked(place, *pair, elsewhere, progress): place / pair[0].path for pair in pairs}


def _snapshot(root: Path, cache: Path, revision: str, commit: str | None) -> Path:
    """The directory of one commit in the library's cache: of `commit`, else of the revision, else the only one."""
    there, ref = sorted(path.name for path in (cache / "snapshots").iterdir()), _note(root, cache / "refs" / revision)
    wanted = commit or (ref if COMMIT.fullmatch(ref) else revision)
    if not commit and not ref and len(there) == 1:
        wanted = there[0]
    if wanted not in there:
        raise OpsError(f"{cache} has no snapshot {wanted}; there are: {', '.join(there) or 'none'}", _ASK)
    return cache / "snapshots" / wanted


def _note(root: Path, file: Path) -> str:
    """What the hub's library wrote down, "" where it did not; raises TextError where it cannot be that."""
    if not file.is_file():
        return ""
    source = Source(str(file), "remove that file, and pass --commit")
    return decode(files.read(_inside(root, file)), source).text.strip()


def _record(root: Path, place: Path, path: str) -> _Record:
    if place.parent.name == "snapshots":
        commit, digest = place.name, (place / path).resolve().name
    else:
        noted = _note(root, place / ".cache/huggingface/download" / f"{path}.metadata")
        commit, digest, *_ = [*noted.split(), "", ""]
    # For a small file the library notes git's digest of 40 digits, which is not a sha256.
    return _Record(commit if COMMIT.fullmatch(commit) else "", digest if SHA256.fullmatch(digest) else "")


def _commit(place: Path, recorded: set[str], said: str | None) -> str:
    found = {*recorded, said or ""} - {""}
    if len(found) > 1:
        raise OpsError(f"{place} has files of several commits: {', '.join(sorted(found))}", "take files of one commit")
    if not found or ("" in recorded and not said):
        raise OpsError(f"{place} does not record the commit of its files", _ASK)
    return found.pop()


def _locked(
    place: Path, chosen: Chosen, record: _Record, elsewhere: tuple[str, str] | None, progress: Progress
) -> LockedFile:
    file = place / chosen.path
    if not file.is_file():
        raise OpsError(f"{file} is no file, or a link to none", "copy the file there in its place")
    if not (size := file.stat().st_size):
        raise OpsError(f"{file} is empty", "copy it again")
    digest, task = hashlib.sha256(), progress.add_task(plain(chosen.path), total=size)
    with file.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            progress.advance(task, len(block))
    sha256 = digest.hexdigest()
    if record.sha256 and record.sha256 != sha256:
        raise OpsError(f"{file} is damaged: its sha256 is {sha256}, the hub's is {record.sha256}", "copy it again")
    return locked_file(str(place), chosen, size, sha256, elsewhere)
