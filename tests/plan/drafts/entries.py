"""Drafts in the tests' lock: that of Qwen3-0.6B-Q8_0, for whichever model of a stack names one."""

from plan import config
from plan.models import lock
from plan.models.gguf_facts import GgufFacts, Shape, Weights
from plan.models.lock import Lock, LockedFile, LockedModel
from plan.vram.types import MIB

REPO = "Qwen/Qwen3-0.6B-GGUF"
_TABLE = 151936 * 1024 // 32 * 34
FACTS = GgufFacts(
    shape=Shape(
        architecture="qwen3", context_length=40960, block_count=28, embedding_length=1024, feed_forward_length=3072,
        head_count=16, head_count_kv=8, key_length=128, value_length=128, vocab_size=151936, source="header",
    ),
    weights=Weights(gpu_bytes=440 * MIB, input_bytes=_TABLE, tied_bytes=_TABLE, source="header"),
)  # fmt: skip


def with_draft(entry: LockedModel, drafter: config.Draft, facts: GgufFacts = FACTS) -> LockedModel:
    """The entry of a model that has this draft, with the facts of one."""
    elsewhere = {"repo": drafter.repo, "commit": "c" * 40} if drafter.repo not in (None, entry.repo) else {}
    path = drafter.file or f"draft/small-DRAFT-{drafter.quant}.gguf"
    assert facts.weights
    size = facts.weights.gpu_bytes + facts.weights.input_bytes + 6 * MIB
    file = LockedFile.model_validate({"role": "draft", "path": path, "size": size, "sha256": "d" * 64, **elsewhere})
    files = (*(it for it in entry.files if it.role != "draft"), file)
    gguf = entry.gguf.model_copy(update={"draft": facts})
    return entry.model_copy(update={"files": files, "gguf": gguf, "gen": lock.generation(files)})


def _alike(entry: LockedModel) -> GgufFacts:
    """The facts with the vocabulary of the model."""
    tokens = entry.gguf.shape.vocab_size or FACTS.shape.vocab_size
    table = (tokens or 0) * 1024 // 32 * 34
    weights = Weights(gpu_bytes=440 * MIB, input_bytes=table, tied_bytes=table, source="header")
    return GgufFacts(shape=FACTS.shape.model_copy(update={"vocab_size": tokens}), weights=weights)


def following(stack: config.Stack, locked: Lock) -> Lock:
    """The lock with the drafts that the stack names."""
    named = {key: model.drafter for key, model in stack.models.items() if model.drafter and key in locked.models}
    entries = {key: with_draft(locked.models[key], it, _alike(locked.models[key])) for key, it in named.items() if it}
    return locked.model_copy(update={"models": {**locked.models, **entries}})
