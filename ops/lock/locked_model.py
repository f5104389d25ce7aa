"""Makes a model's entry of the lock from a repository's files, whether they come from a hub or a directory."""

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pydantic import ValidationError

from ops.base.errors import OpsError
from ops.gguf import facts, file_names, header, kinds, vocabulary
from ops.gguf.byte_ranges import Read
from ops.gguf.header import Header, HeaderError
from plan.config import Model
from plan.models import agreement
from plan.models.file_names import quantization
from plan.models.gguf_facts import GgufFacts
from plan.models.lock import LockedFile, LockedModel, Role, generation
from plan.text.errors import in_words, steps
from plan.text.show import path, show


class Chosen(NamedTuple):
    """A file that belongs to a model; `part` is "1/3" for the first of three parts."""

    role: Role
    path: str
    part: str | None


class Repository(NamedTuple):
    """One that files of a model are from: its own, and the one of its draft where that is another."""

    repo: str
    revision: str
    is_own: bool = True


class Resolved(NamedTuple):
    """A model's entry, and the headers of its parts and of its draft's, from which the facts are, in order."""

    entry: LockedModel
    headers: tuple[Header, ...]
    draft_headers: tuple[Header, ...] = ()


def repositories(model: Model) -> list[Repository]:
    """Where its files are from, its own first; a draft elsewhere is that of the branch main."""
    drafter = model.drafter
    other = (
        [Repository(drafter.repo, "main", is_own=False)] if drafter and drafter.repo not in (None, model.repo) else []
    )
    return [Repository(model.repo, model.revision), *other]


def choose(model: Model, repository: Repository, paths: Iterable[str]) -> list[Chosen]:
    """The files of `model` that a repository has, parts in order; raises OpsError with a list of what there is."""
    paths, drafter, chosen = list(paths), model.drafter, list[Chosen]()
    if repository.is_own:
        chosen += _parts(repository, paths, "model", model.quant, model.file)
        chosen += _parts(repository, paths, "mmproj", model.mmproj, model.mmproj_file) if model.has_projector else []
    if drafter and drafter.repo in (repository.repo, None if repository.is_own else repository.repo):
        chosen += _parts(repository, paths, "draft", drafter.quant, drafter.file)
    return chosen


def _parts(
    repository: Repository, paths: Collection[str], role: Role, named: str | None, path: str | None
) -> list[Chosen]:
    repo, alone = repository.repo, not repository.is_own
    if path:
        found = file_names.by_path(repo, paths, role, path)
    else:
        found = file_names.by_tag(repo, paths, role, named or "", alone=alone)
    return [Chosen(role, path, file_names.part(path, len(found))) for path in found]


def entry(model: Model, commit: str, files: Sequence[LockedFile], reader: Callable[[LockedFile], Read]) -> Resolved:
    """The lock's entry for these files, with the facts of their headers; raises OpsError where they are not usable."""
    headers, drafting, facts_ = _facts(model.repo, files, reader)
    with _lockable(model.repo):
        made = LockedModel(
            repo=model.repo,
            revision=model.revision,
            commit=commit,
            quant=model.quant or quantization(files[0].path, facts_.shape.file_type),
            gen=generation(files),
            files=tuple(files),
            gguf=facts_,
        )
    if found := [f"{fault.key} is {show(fault.got)}: {fault.rule}" for fault in agreement.faults(made)]:
        raise OpsError(f"{model.repo} contradicts itself. {'. '.join(found)}", "name another repository or quant")
    if drafting and (why := vocabulary.difference(headers[0], drafting[0])):
        what = f"{model.repo}: its draft has another vocabulary, and llama.cpp drafts with none: {why}"
        raise OpsError(what, "set `draft` to a model of the same family")
    return Resolved(made, headers, drafting)


def locked_file(
    where: str, chosen: Chosen, size: int, sha256: str, elsewhere: tuple[str, str] | None = None
) -> LockedFile:
    """The lock's entry for one file, as `where` says it; raises OpsError where it says what cannot be.

    `elsewhere` are repository and commit of a file that is not of the model's own.
    """
    if not chosen.path.isprintable():
        what = f"{where} has a file {show(chosen.path)}: a path has no sign that acts on a terminal or that nobody sees"
        raise OpsError(what, "name another repository")
    with _lockable(where):
        repo, commit = elsewhere or (None, None)
        return LockedFile(
            role=chosen.role, path=chosen.path, size=size, sha256=sha256, part=chosen.part, repo=repo, commit=commit
        )


def _facts(
    repo: str, files: Sequence[LockedFile], reader: Callable[[LockedFile], Read]
) -> tuple[tuple[Header, ...], tuple[Header, ...], GgufFacts]:
    headers: dict[Role, list[Header]] = {"model": [], "mmproj": [], "draft": []}
    for file in files:
        with _usable(f"{file.repo or repo}/{file.path}"):
            headers[file.role].append(header.read_header(reader(file), file.size))
    with _usable(repo):
        found = facts.facts(headers["model"], next(iter(headers["mmproj"]), None))
    if drafting := tuple(headers["draft"]):
        file = next(file for file in files if file.role == "draft")
        with _usable(f"{file.repo or repo}/{file.path}"):
            kinds.require_draft_model(drafting[0])
            found = found.model_copy(update={"draft": facts.facts(drafting, None)})
    return tuple(headers["model"]), drafting, found


@contextmanager
def _lockable(where: str) -> Generator[None]:
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        key, rule = path(steps(first)), in_words(first, "it has to be")
        what = f"{where} says {key or 'of its files'} {show(first['input'])}: {rule}"
        raise OpsError(what, "the lock takes nothing like that: name another repository or revision") from None


@contextmanager
def _usable(where: str) -> Generator[None]:
    try:
        yield
    except HeaderError as error:
        raise OpsError(f"{where} is not a usable GGUF file: {error}", "name another repository or quant") from None
