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
from ops.gguf.header import Header
from ops.lock.locked_model import Resolved
from plan.config import Model
from plan.engine.flags import mode_flags, words
from plan.models.abilities import mode
from plan.models.allocator.figures import Allocator
from plan.models.gguf_facts import Shape
from plan.models.lock import LockedModel, Role
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
    drafted = model.drafting.most if model.drafting else 0
    return Serving(
        model.total_tokens, model.kv_type, model.parallel, model.ubatch, embeds=embeds, unified=unified,
        drafted=drafted, mtp=model.mtp,
    )  # fmt: skip


def ways(models: Iterable[Model], shape: Shape) -> list[Way]:
    """The ways in which a model is served: those that differ in the context alone are one."""
    found: dict[Serving, Way] = {}
    for model in models:
        said = serving(model, shape)
        key = replace(said, total_tokens=0, drafted=said.drafted if said.mtp else 0)
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
            entries[key] = _with(it.entry, old.gguf.allocator, old.gguf.draft and old.gguf.draft.allocator)
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
    entry, shape = resolved.entry, resolved.entry.gguf.shape
    its = measure(program, _files(entry, "model", resolved.headers), resolved.headers[0], shape, ways(models, shape))
    drafter, headers = entry.gguf.draft, resolved.draft_headers
    # A server makes a context for its draft as it would for a model of its own, of as many tokens and slots.
    asked = ways([model for model in models if model.drafter], shape)
    if drafter is None or not asked:
        return _with(entry, its)
    of_draft = measure(program, _files(entry, "draft", headers), headers[0], drafter.shape, asked)
    return _with(entry, its, of_draft)


def _files(entry: LockedModel, role: Role, headers: Sequence[Header]) -> list[HeaderFile]:
    parts = [file for file in entry.files if file.role == role]
    return [HeaderFile(part.link, header.content, part.size) for part, header in zip(parts, headers, strict=True)]


def _with(entry: LockedModel, allocator: Allocator, of_draft: Allocator | None = None) -> LockedModel:
    drafter = entry.gguf.draft
    if drafter and of_draft:
        drafter = drafter.model_copy(update={"allocator": of_draft})
    return entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"allocator": allocator, "draft": drafter})})


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
            for gguf in filter(None, (entry.gguf, entry.gguf.draft)):
                if gguf.allocator and figures(gguf.allocator, gguf.shape, how) is None:
                    yield f"{key}: {not_asked(how)}. Run `bin/local-llm lock --update {key}`."
                    break
