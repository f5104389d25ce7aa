"""A lock for models that no hub has: each has the facts of one of the tests' models, under its own names."""

from collections.abc import Mapping

from ops.gguf.file_names import siblings
from plan.config import Model
from plan.models.file_names import SPLIT, tag
from plan.models.lock import Lock, LockedFile, LockedModel, generation
from tests import stacks
from tests.plan.drafts.entries import with_draft

COMMIT = "0123456789" * 4
_LONG = 1 << 20  # tokens; what a model was trained with is not what is tried here


def lock_of(models: Mapping[str, Model]) -> Lock:
    """What `ops lock` would write for them, as far as plan/ compares it."""
    return Lock(version=1, models={model_id: _entry(model) for model_id, model in models.items()})


def _entry(model: Model) -> LockedModel:
    base = stacks.locked().models["qwen3vl-8b" if model.has_projector else "qwen3-8b"]
    tokens = {"embedding": 1, "rerank": 4}.get(model.mode or "chat")
    named = {"context_length": _LONG, "file_type": None, "pooling_type": tokens}
    named |= {"nextn_predict_layers": 1} if model.mtp else {}
    shape = base.gguf.shape.model_copy(update=named)
    files = [*_model_files(model, base), *_projector(model, base)]
    quant = model.quant or tag(model.file or "") or "unknown"
    update = {"repo": model.repo, "revision": model.revision, "quant": quant, "files": tuple(files)}
    commit = model.revision if len(model.revision) == len(COMMIT) else COMMIT
    assert base.gguf.weights
    experts = {"expert_bytes": (1 << 20,) * 36, "expert_matrix_bytes": 1 << 20} if model.cpu_moe else {}
    gguf = base.gguf.model_copy(update={"shape": shape, "weights": base.gguf.weights.model_copy(update=experts)})
    entry = base.model_copy(update={**update, "commit": commit, "gguf": gguf, "gen": generation(files)})
    return with_draft(entry, model.drafter) if model.drafter else entry


def _model_files(model: Model, base: LockedModel) -> list[LockedFile]:
    (file,) = (file for file in base.files if file.role == "model")
    path = model.file or f"x-{model.quant}.gguf"
    paths = siblings(path)
    parts = [f"{number}/{len(paths)}" if SPLIT.search(path) else None for number in range(1, len(paths) + 1)]
    size = file.size // len(paths) + 1
    return [
        file.model_copy(update={"path": it, "part": part, "size": size}) for it, part in zip(paths, parts, strict=True)
    ]


def _projector(model: Model, base: LockedModel) -> list[LockedFile]:
    path = model.mmproj_file or f"mmproj-{model.mmproj}.gguf"
    return [file.model_copy(update={"path": path}) for file in base.files if file.role == "mmproj"]
