"""The figures of llama.cpp's allocator in the lock: asked for what the stacks here serve on a card, if one can ask."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from rich.text import Text

from ops.allocator.measure import Way, measure
from ops.allocator.program import VARIABLE, Program
from ops.allocator.question import AllocatorError, HeaderFile, SilentError
from ops.base.terminal import console
from ops.base.waiting import waiting
from ops.lock.locked_model import Resolved
from plan.config import Model
from plan.engine.flags import mode_flags, words
from plan.models.abilities import mode
from plan.models.allocator.figures import Allocator
from plan.models.gguf_facts import Shape
from plan.models.lock import LockedModel
from plan.vram.allocator.choice import not_asked
from plan.vram.allocator.figures import figures
from plan.vram.types import Serving

Served = Mapping[str, Sequence[Model]]  # by id, as each stack with a card serves it
_PATIENCE_S = 15.0  # a model takes a few seconds
_INSTEAD = "so formulas or earlier figures count"


def serving(model: Model, shape: Shape) -> Serving:
    """How the model is served, whatever the build of the image."""
    embeds = mode(model, shape) != "chat"
    unified = model.kv_unified and model.parallel > 1
    return Serving(model.total_tokens, model.kv_type, model.parallel, model.ubatch, embeds=embeds, unified=unified)


def ways(models: Iterable[Model], shape: Shape) -> list[Way]:
    """The ways in which a model is served: those that differ in the context alone are one."""
    found: dict[Serving, Way] = {}
    for model in models:
        key = replace(serving(model, shape), total_tokens=0)
        flags = tuple(words(mode_flags(model, shape)))
        way = found.setdefault(key, Way(key, (), flags))
        found[key] = replace(way, contexts=(*way.contexts, model.request_tokens))
    return list(found.values())


def asked(
    resolved: Mapping[str, Resolved], served: Served, before: Mapping[str, LockedModel], program: Program | None
) -> tuple[dict[str, LockedModel], list[str]]:
    """The entries with figures of those models that are served on a card, and what a person has to know of the others.

    Figures that the lock has of the very same files stay where nobody can be asked.
    """
    entries, said = {key: it.entry for key, it in resolved.items()}, list[str]()
    wanted = [key for key in resolved if served.get(key)]
    if wanted and program is None:
        names = f"{VARIABLE}=PATH or --llama-server PATH names one."
        said.append(f"{', '.join(wanted)}: no llama-server is here to tell GPU memory, {_INSTEAD}. {names}")
    for number, key in enumerate(wanted, start=1):
        it, old = resolved[key], before.get(key)
        if old is not None and old.gen == it.entry.gen and old.gguf.allocator:
            entries[key] = _with(it.entry, old.gguf.allocator)
        if program is not None:
            try:
                with _told(f"{key} ({number} of {len(wanted)}): asking llama.cpp's allocator for its GPU memory"):
                    entries[key] = _measured(program, it, served[key])
            except AllocatorError as error:
                said.append(f"{key}: llama.cpp's allocator does not tell its GPU memory, {_INSTEAD}: {error}.")
                if isinstance(error, SilentError) and (others := wanted[number:]):
                    said.append(f"{', '.join(others)}: it was not asked any more, {_INSTEAD}.")
                    program = None
    return entries, said


def _measured(program: Program, resolved: Resolved, models: Sequence[Model]) -> LockedModel:
    entry, headers = resolved
    parts = [file for file in entry.files if file.role == "model"]
    files = [HeaderFile(part.link, header.content, part.size) for part, header in zip(parts, headers, strict=True)]
    shape = entry.gguf.shape
    return _with(entry, measure(program, files, headers[0], shape, ways(models, shape)))


def _with(entry: LockedModel, allocator: Allocator) -> LockedModel:
    return entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"allocator": allocator})})


@contextmanager
def _told(what: str) -> Generator[None]:
    """Show what is going on: on a terminal at once, elsewhere when it takes long."""
    out = console(stderr=True)
    with out.status(Text(what)) if out.is_terminal else waiting(what, first_s=_PATIENCE_S):
        yield


def gaps(locked: Mapping[str, LockedModel], served: Served) -> Iterator[str]:
    """A sentence for each model that is served in a way for which its figures in the lock tell nothing."""
    for key, entry in sorted(locked.items()):
        for model in served.get(key, ()):
            how = serving(model, entry.gguf.shape)
            if entry.gguf.allocator and figures(entry.gguf.allocator, entry.gguf.shape, how) is None:
                yield f"{key}: {not_asked(how)}. Run `bin/local-llm lock --update {key}`."
