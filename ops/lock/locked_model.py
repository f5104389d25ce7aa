"""From a repository's files to a model's entry in the lock: what a hub and a directory have in common."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ops.base.errors import OpsError
from ops.gguf import facts, file_names, header
from ops.gguf.byte_ranges import Read
from ops.gguf.header import Header, HeaderError
from plan.config import Model
from plan.models.gguf_facts import GgufFacts
from plan.models.lock import LockedFile, LockedModel, Role, generation


class Chosen(NamedTuple):
    """A file that belongs to a model; `part` is "1/3" for a piece of a split one."""

    role: Role
    path: str
    part: str | None


def choose(model: Model, paths: Iterable[str]) -> list[Chosen]:
    """The files among `paths` that `model` means, its parts in order; raises OpsError listing what there is."""
    paths = list(paths)
    parts = file_names.model_files(model.repo, paths, model.quant)
    chosen = [Chosen("model", path, file_names.part(path, len(parts))) for path in parts]
    if model.mmproj:
        chosen.append(Chosen("mmproj", file_names.mmproj_file(model.repo, paths, model.mmproj), None))
    return chosen


def entry(model: Model, commit: str, files: Sequence[LockedFile], reader: Callable[[LockedFile], Read]) -> LockedModel:
    """The entry of these files, with the facts of their headers; raises OpsError for what is no usable model."""
    return LockedModel(
        repo=model.repo,
        revision=model.revision,
        commit=commit,
        quant=model.quant,
        gen=generation(files),
        files=tuple(files),
        gguf=_facts(model.repo, files, reader),
    )


def _facts(repo: str, files: Sequence[LockedFile], reader: Callable[[LockedFile], Read]) -> GgufFacts:
    headers: dict[Role, list[Header]] = {"model": [], "mmproj": []}
    for file in files:
        with _usable(f"{repo}/{file.path}"):
            headers[file.role].append(header.read_header(reader(file), file.size))
    with _usable(repo):
        return facts.facts(headers["model"], next(iter(headers["mmproj"]), None))


@contextmanager
def _usable(where: str) -> Generator[None]:
    try:
        yield
    except HeaderError as error:
        raise OpsError(f"{where} is no usable GGUF file: {error}", "name another repository or quant") from None
