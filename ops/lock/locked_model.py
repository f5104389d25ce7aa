"""Makes a model's entry of the lock from a repository's files, whether they come from a hub or a directory."""

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pydantic import ValidationError

from ops.base.errors import OpsError
from ops.gguf import facts, file_names, header
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


class Resolved(NamedTuple):
    """A model's entry, and the headers of its parts from which the facts are, in order."""

    entry: LockedModel
    headers: tuple[Header, ...]


def choose(model: Model, paths: Iterable[str]) -> list[Chosen]:
    """The files of `model` among `paths`, its parts in order; raises OpsError with a list of what there is."""
    paths = list(paths)
    parts = _parts(model.repo, paths, "model", model.quant, model.file)
    chosen = [Chosen("model", path, file_names.part(path, len(parts))) for path in parts]
    if model.has_projector:
        (projector,) = _parts(model.repo, paths, "mmproj", model.mmproj, model.mmproj_file)
        chosen.append(Chosen("mmproj", projector, None))
    return chosen


def _parts(repo: str, paths: Collection[str], role: Role, named: str | None, path: str | None) -> file_names.Parts:
    return file_names.by_path(repo, paths, role, path) if path else file_names.by_tag(repo, paths, role, named or "")


def entry(model: Model, commit: str, files: Sequence[LockedFile], reader: Callable[[LockedFile], Read]) -> Resolved:
    """The lock's entry for these files, with the facts of their headers; raises OpsError where they are not usable."""
    headers, facts_ = _facts(model.repo, files, reader)
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
    return Resolved(made, headers)


def locked_file(where: str, chosen: Chosen, size: int, sha256: str) -> LockedFile:
    """The lock's entry for one file, as `where` says it; raises OpsError where it says what cannot be."""
    if not chosen.path.isprintable():
        what = f"{where} has a file {show(chosen.path)}: a path has no sign that acts on a terminal or that nobody sees"
        raise OpsError(what, "name another repository")
    with _lockable(where):
        return LockedFile(role=chosen.role, path=chosen.path, size=size, sha256=sha256, part=chosen.part)


def _facts(
    repo: str, files: Sequence[LockedFile], reader: Callable[[LockedFile], Read]
) -> tuple[tuple[Header, ...], GgufFacts]:
    headers: dict[Role, list[Header]] = {"model": [], "mmproj": []}
    for file in files:
        with _usable(f"{repo}/{file.path}"):
            headers[file.role].append(header.read_header(reader(file), file.size))
    with _usable(repo):
        return tuple(headers["model"]), facts.facts(headers["model"], next(iter(headers["mmproj"]), None))


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
