"""The lock: what it refuses, and that writing and reading it loses nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.base.errors import ConfigError, FixableError
from plan.models import lock
from plan.models.allocator.figures import Allocator, Cache, Compute
from plan.models.gguf_facts import GgufFacts, Projector, Shape, Weights
from tests import stacks

SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_.-", min_size=1, max_size=20)
NAME = st.from_regex(r"[a-z0-9_]([a-zA-F0-9_.-]{0,18}[a-z0-9])?", fullmatch=True).filter(
    lambda it: ".." not in it and ".-" not in it and not it.endswith(".lock")
)
ID = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


COUNT = st.integers(0, 2**32 - 1)
BYTES = st.integers(0, 2**50)
LAYERS = st.lists(COUNT, max_size=300).map(tuple)  # longer than a line that YAML's writer would leave whole
SOURCE: st.SearchStrategy[Any] = st.sampled_from(["header", "published", "derived"])
TOKENS = st.integers(1, 2**31 - 1)
ALLOCATOR = st.builds(
    Allocator,
    build=st.integers(1, 10**6),
    weights_mib=st.integers(0, 2**30),
    caches=st.lists(
        st.builds(Cache, window=st.integers(0, 2**31 - 1), cell_elements=st.integers(1, 2**32 - 1)), max_size=3
    ).map(tuple),
    state_bytes=BYTES,
    compute=st.lists(
        st.builds(
            Compute,
            kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
            ubatch=TOKENS,
            parallel=st.integers(1, 256),
            embeds=st.booleans(),
            points=st.lists(st.tuples(TOKENS, BYTES), min_size=1, max_size=20).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
FACTS = st.builds(
    GgufFacts,
    allocator=st.none() | ALLOCATOR,
    shape=st.builds(
        Shape,
        architecture=WORD,
        context_length=st.none() | COUNT,
        head_count_kv=st.none() | COUNT | LAYERS,
        recurrent_layers=st.none() | LAYERS,
        chat_template=st.none() | st.booleans(),
        source=SOURCE,
    ),
    weights=st.none()
    | st.builds(
        Weights,
        gpu_bytes=st.integers(1, 2**50),
        input_bytes=BYTES,
        tied_bytes=BYTES,
        nextn_bytes=BYTES,
        source=SOURCE,
    ),
    projector=st.none() | st.builds(Projector, projector_type=st.none() | WORD | st.text(max_size=20), source=SOURCE),
)


@st.composite
def locked_models(draw: st.DrawFn) -> lock.LockedModel:
    total = draw(st.integers(1, 3))
    sizes = st.integers(1, 2**40)
    files = [
        lock.LockedFile(
            role="model",
            path=f"{draw(NAME)}.gguf",
            size=draw(sizes),
            sha256=draw(SHA),
            part=f"{n}/{total}" if total > 1 else None,
        )
        for n in range(1, total + 1)
    ]
    if draw(st.booleans()):
        files.append(lock.LockedFile(role="mmproj", path="p.gguf", size=draw(sizes), sha256=draw(SHA)))
    return lock.LockedModel(
        repo="org/name",
        revision=draw(NAME),
        commit=draw(SHA)[:40],
        quant=draw(WORD),
        gen=lock.generation(files),
        files=tuple(files),
        gguf=draw(FACTS),
    )


@given(st.dictionaries(ID, locked_models(), max_size=3))
def test_what_is_written_is_read_back_and_order_does_not_matter(models: dict[str, lock.LockedModel]) -> None:
    whole = lock.Lock(version=1, models=models)
    backwards = lock.Lock(version=1, models=dict(reversed(models.items())))

    assert lock.load(lock.dump(whole)) == whole, "digits alone, as a commit may be, must stay text"
    assert lock.dump(backwards) == lock.dump(whole)


def test_a_comma_in_a_header_s_text_stays_in_it() -> None:
    whole = stacks.locked()
    model = whole.models["qwen3vl-8b"]
    assert model.gguf.projector
    odd = model.gguf.model_copy(
        update={"projector": model.gguf.projector.model_copy(update={"projector_type": "a, b: [0"})}
    )
    changed = lock.Lock(version=1, models={"m": model.model_copy(update={"gguf": odd})})

    assert lock.load(lock.dump(changed)) == changed


@given(locked_models(), FACTS)
def test_header_facts_never_change_a_generation(model: lock.LockedModel, facts: GgufFacts) -> None:
    changed = model.model_copy(update={"gguf": facts})
    assert lock.generation(changed.files) == model.gen


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("size: 5027783488", "size: 5027783489.5", "models.qwen3-8b.files.0.size"),
        ("sha256: d98cdcbd", "sha256: x98cdcbd", "64 digits, 0-9 and a-f. Run `bin/local-llm lock --update qwen3-8b`"),
        ("commit: 7c41", "commit: 7C41", "40 digits, 0-9 and a-f"),
        ("path: Qwen3-8B-Q4_K_M.gguf", "path: ../../etc/passwd.gguf", "below its repository"),
        ("version: 1", "version: 2", "version"),
        ("  qwen3-8b:", "  Qwen3 8b:", "letters, digits"),
        ("version: 1", "version: true", "version"),
        ("head_count_kv: 8", "head_count_kv: -8", "models.*.gguf.shape.head_count_kv"),
        ("source: published", "source: guessed", "'header', 'published' or 'derived'"),
        ("models:", "models: [", "line 5: this is not YAML.*\n.*restore it from version control"),
    ],
)
def test_an_unusable_lock_names_what_is_wrong(old: str, new: str, said: str) -> None:
    text = (stacks.EXAMPLE / "models.lock.yaml").read_text()
    assert old in text
    with pytest.raises((ConfigError, FixableError), match=said):
        lock.load(text.replace(old, new, 1))


def test_a_split_model_keeps_the_suffix_llama_cpp_finds_its_parts_by() -> None:
    part = lock.LockedFile(role="model", path="x.gguf", size=1, sha256="0" * 64, part="2/3")
    assert part.link == "model-00002-of-00003.gguf"


def q4_k_m_bytes(embedding: int, feed_forward: int, vocabulary: int) -> tuple[int, int]:
    """Bytes of blocks, and of token_embd, that llama-quantize gives a 36-block Qwen3 of 32 heads of 128, 8 for K and V.

    Q6_K for attn_v and ffn_down in the first and last eighth and in every third block between (llama-quant.cpp).
    """
    q4, q6 = (lambda n: n // 256 * 144), (lambda n: n // 256 * 210)
    better = sum(block < 4 or block >= 31 or (block - 4) % 3 == 2 for block in range(36))
    first = 2 * embedding * 4096 + embedding * 1024 + 2 * embedding * feed_forward
    second = embedding * 1024 + embedding * feed_forward
    norms = 36 * 4 * (2 * embedding + 2 * 128) + 4 * embedding
    blocks = 36 * q4(first) + better * q6(second) + (36 - better) * q4(second) + norms
    tied = embedding < 4096  # the 4B model; its only table is also its output, so it gets the output's type
    return (blocks, q6(embedding * vocabulary)) if tied else (blocks + q6(4096 * vocabulary), q4(4096 * vocabulary))


@pytest.mark.parametrize(
    ("model_id", "sizes", "gpu_mib", "cpu_mib"),
    [
        ("qwen3-8b", (4096, 12288, 151936), 4455.34, 333.84),
        ("qwen3vl-8b", (4096, 12288, 151936), 4455.34, 333.84),
        ("qwen3vl-4b", (2560, 9728, 151936), 2375.91, 304.28),
        ("minicpm-v-4-5", (4096, 12288, 151748), 4454.74, 333.43),
    ],
)
def test_derived_weights_follow_from_shapes_and_types_and_round_to_what_logs_print(
    model_id: str, sizes: tuple[int, int, int], gpu_mib: float, cpu_mib: float
) -> None:
    model = stacks.locked().models[model_id]
    weights = model.gguf.weights
    assert weights
    assert (weights.gpu_bytes, weights.input_bytes) == q4_k_m_bytes(*sizes)
    assert round((weights.gpu_bytes + weights.tied_bytes) / 2**20, 2) == gpu_mib
    assert round(weights.input_bytes / 2**20, 2) == cpu_mib
    header = model.files[0].size - weights.gpu_bytes - weights.input_bytes
    assert 5_950_000 < header < 5_960_000, "the rest of the file is a header with one and the same tokenizer"
