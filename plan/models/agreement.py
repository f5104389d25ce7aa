"""The one place that compares: a stack's models with the lock, and a lock's entry with itself.

`make_plan` and `ops lock --check` ask `locked_models`; `ops lock` asks `faults` before it writes what it resolved, so
that no lock is written that a preview would refuse.
"""

from collections.abc import Iterator, Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.base.hub_names import PLACEHOLDER
from plan.models import fact_rules
from plan.models.abilities import header_mode
from plan.models.fact_rules import Fault
from plan.models.file_names import numbered_part, quantization, tag
from plan.models.ggml_types import FILE_TYPES, bits
from plan.models.gguf_facts import GgufFacts
from plan.models.lock import COMMIT, LOCK_FILE, Lock, LockedFile, LockedModel, generation

# SPEC_VOCAB_MAX_SIZE_DIFFERENCE in common/speculative.cpp of llama.cpp 0.5.0 (b11312).
VOCABULARIES_APART = 128


def locked_models(models: Mapping[str, config.Model], lock: Lock) -> dict[str, LockedModel]:
    """The models in the lock by id, in order; raises ConfigError where it lacks one or has something else for it."""
    problems = [
        problem for model_id in sorted(models) for problem in _problems(model_id, models[model_id], lock.models)
    ]
    if problems:
        raise ConfigError.of(problems)
    return {model_id: lock.models[model_id] for model_id in sorted(models)}


def locked_elsewhere(model: config.Model, lock: Lock) -> str | None:
    """Another id under which the lock has what the model asks for, whole and without a fault; None where it has not."""
    return next(
        (
            model_id
            for model_id, entry in sorted(lock.models.items())
            if not any(_differences(model, entry)) and not any(faults(entry))
        ),
        None,
    )


def faults(locked: LockedModel) -> Iterator[Fault]:
    """What in one entry contradicts the rest of it: parts, names on the volume, generation, quantization, facts."""
    yield from _of_files(locked)
    yield from _of_quantization(locked)
    yield from fact_rules.faults(locked.gguf, locked.bytes_by_role, len(locked.files))
    yield from projector_faults(locked.gguf)
    yield from _of_draft(locked)


def projector_faults(gguf: GgufFacts) -> Iterator[Fault]:
    """llama.cpp refuses a projector whose output is not as wide as the model's input (mtmd.cpp, 0.5.0)."""
    shape, projector = gguf.shape, gguf.projector
    if projector and projector.width and shape.embedding_length:
        deep = shape.n_deepstack_layers or 0
        takes = shape.embedding_length * (1 + deep)
        how = f"{shape.embedding_length} for its input and each of {deep} deeper layers" if deep else "its embedding"
        if projector.width != takes:
            rule = f"The model takes {takes} numbers a token ({how}): the projector is another model's"
            yield Fault("gguf.projector.width", projector.width, rule)


def _of_draft(locked: LockedModel) -> Iterator[Fault]:
    """Its own facts, and that it drafts for this model: the lock compares the vocabularies token by token."""
    files, drafter = [file for file in locked.files if file.role == "draft"], locked.gguf.draft
    if bool(files) is not bool(drafter):
        rule = "The entry has no file of a draft" if drafter else "The entry has a draft's file, and no facts of it"
        yield Fault("gguf.draft", drafter and drafter.shape.architecture, rule)
    if drafter is None or not files:
        return
    sizes = {"model": locked.bytes_by_role["draft"]}
    for key, got, rule in fact_rules.faults(drafter, sizes, len(files)):
        yield Fault(key.replace("gguf.", "gguf.draft.", 1), got, rule)
    if drafter.projector or drafter.draft:
        yield Fault("gguf.draft", drafter.shape.architecture, "A draft has neither a projector nor a draft")
    if header_mode(drafter.shape):
        yield Fault("gguf.draft.shape.architecture", drafter.shape.architecture, "It writes no text, so it drafts none")
    ours, theirs = locked.gguf.shape.vocab_size, drafter.shape.vocab_size
    if ours and theirs and abs(ours - theirs) > VOCABULARIES_APART:
        rule = f"llama.cpp drafts with a vocabulary of at most {VOCABULARIES_APART} tokens more or less than {ours}"
        yield Fault("gguf.draft.shape.vocab_size", theirs, rule)


def _problems(model_id: str, model: config.Model, locked: Mapping[str, LockedModel]) -> Iterator[ConfigError]:
    key, update = f"{config.KEY}.models.{model_id}", f"Run `bin/local-llm lock --update {model_id}`."
    entry = locked.get(model_id)
    if entry is None:
        named = model.repo != PLACEHOLDER
        rule = "It is not in models.lock.yaml." if named else f"{PLACEHOLDER} stands for a repository: write it there."
        yield ConfigError(key, model_id, f"{rule} {update}")
        return
    for name, wanted, have in _differences(model, entry):
        yield ConfigError(f"{key}.{name}", wanted, f"{LOCK_FILE} has {have or 'none'} for it. {update}")
    for fault in faults(entry):
        yield ConfigError(f"{LOCK_FILE}.models.{model_id}.{fault.key}", fault.got, f"{fault.rule}. {update}")


def _differences(model: config.Model, locked: LockedModel) -> Iterator[tuple[str, str | None, str | None]]:
    models, projectors = ([file.path for file in locked.files if file.role == role] for role in ("model", "mmproj"))
    yield from _draft_differences(model, locked)
    for name in ("repo", "revision", *(["quant"] if model.quant else [])):
        wanted, have = getattr(model, name), getattr(locked, name)
        if wanted != have:
            yield name, wanted, have
    if model.file and model.file not in models:
        yield "file", model.file, " and ".join(models)
    if model.mmproj_file:
        if projectors != [model.mmproj_file]:
            yield "mmproj_file", model.mmproj_file, " and ".join(projectors)
    elif [tag(path) for path in projectors] != ([] if model.mmproj is None else [model.mmproj.upper()]):
        yield "mmproj", model.mmproj, " and ".join(tag(path) or path for path in projectors)


def _draft_differences(model: config.Model, locked: LockedModel) -> Iterator[tuple[str, str | None, str | None]]:
    files, drafter = [file for file in locked.files if file.role == "draft"], model.drafter
    if drafter is None or not files:
        if drafter or files:
            wanted = drafter and (drafter.file or drafter.quant)
            yield "draft", wanted, " and ".join(file.path for file in files)
        return
    repo = files[0].repo or locked.repo
    if (drafter.repo or model.repo) != repo:
        yield "draft.repo", drafter.repo, repo
    if drafter.file and drafter.file not in [file.path for file in files]:
        yield "draft.file", drafter.file, " and ".join(file.path for file in files)
    if drafter.quant and drafter.quant.upper() != tag(files[0].path):
        yield "draft.quant", drafter.quant, tag(files[0].path) or files[0].path


def _of_files(locked: LockedModel) -> Iterator[Fault]:
    models = [file for file in locked.files if file.role == "model"]
    parts = sorted(file.part or "1/1" for file in models)
    if parts != sorted(f"{number}/{len(models)}" for number in range(1, len(models) + 1)):
        yield Fault("files", parts, "These parts are not one whole model")
    if len({file.link for file in locked.files}) != len(locked.files):
        yield Fault("files", [file.link for file in locked.files], "Two files would have the same name on the volume")
    for number, file in enumerate(locked.files):
        if rule := _name_fault(file):
            yield Fault(f"files.{number}.path", file.path, rule)
    if COMMIT.fullmatch(locked.revision) and locked.commit != locked.revision:
        yield Fault("commit", locked.commit, f"The revision is another commit, {locked.revision}")
    if locked.gen != (expected := generation(locked.files)):
        yield Fault("gen", locked.gen, f"It does not match its files, which give {expected}")


def _name_fault(file: LockedFile) -> str:
    if file.role != "mmproj" and numbered_part(file.path) != file.part:
        return f"Its part is {file.part or 'none'}, its name says {numbered_part(file.path) or 'none'}"
    return ""


def _of_quantization(locked: LockedModel) -> Iterator[Fault]:
    """The quantization that was asked for, the one that the files' names say, and the one that the header says."""
    shape = locked.gguf.shape
    for number, file in enumerate(locked.files):
        if file.role == "model" and (named := quantization(file.path, shape.file_type)).upper() != locked.quant.upper():
            said = f"its {'name' if tag(file.path) else 'header'} says {named}"
            yield Fault(f"files.{number}.path", file.path, f"The entry's quant is {locked.quant}, and {said}")
    # llama.cpp quantizes some tensors finer than the rest, and names of the same number of bits are mixed freely. What
    # begins with UD- is a mix on purpose.
    name, wanted = FILE_TYPES.get(shape.file_type or 0, ""), locked.quant.upper()
    if shape.file_type is not None and bits(wanted) and bits(name) not in (None, bits(wanted)):
        yield Fault(
            "gguf.shape.file_type", shape.file_type, f"It means {name}, and the entry's quant is {locked.quant}"
        )
