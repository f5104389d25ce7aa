"""The lock: what it refuses, and that writing and reading it loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import lock
from plan.errors import ConfigError
from tests import stacks

SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_.-", min_size=1, max_size=20)
ID = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@st.composite
def locked_models(draw: st.DrawFn) -> lock.LockedModel:
    total = draw(st.integers(1, 3))
    sizes = st.integers(1, 2**40)
    files = [
        lock.LockedFile(
            role="model",
            path=f"{draw(WORD)}.gguf",
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
        revision=draw(WORD),
        commit=draw(SHA)[:40],
        quant=draw(WORD),
        gen=lock.generation(files),
        files=tuple(files),
        gguf=lock.GgufFacts(architecture=draw(WORD), context=draw(st.none() | st.integers(1, 2**20)), source="header"),
    )


@given(st.dictionaries(ID, locked_models(), max_size=3))
def test_what_is_written_is_read_back_and_order_does_not_matter(models: dict[str, lock.LockedModel]) -> None:
    whole = lock.Lock(version=1, models=models)
    backwards = lock.Lock(version=1, models=dict(reversed(models.items())))

    assert lock.load(lock.dump(whole)) == whole, "digits alone, as a commit may be, must stay text"
    assert lock.dump(backwards) == lock.dump(whole)


def test_the_committed_lock_is_as_the_writer_would_write_it() -> None:
    text = (stacks.ROOT / "models.lock.yaml").read_text()
    assert lock.dump(lock.load(text)) == text


@given(locked_models())
def test_header_facts_never_change_a_generation(model: lock.LockedModel) -> None:
    facts = lock.GgufFacts(architecture="other", context=1, source="derived")
    changed = model.model_copy(update={"gguf": facts})
    assert lock.generation(changed.files) == model.gen


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("size: 5027783488", "size: 5027783489.5", "models.qwen3-8b.files.0.size"),
        ("sha256: d98cdcbd", "sha256: 998cdcbd", "does not match its files"),
        ("path: Qwen3-8B-Q4_K_M.gguf", "path: ../../etc/passwd.gguf", "below its repository"),
        ("version: 1", "version: 2", "version"),
        ("  qwen3-8b:", "  Qwen3_8b:", "not Q _"),
        ("models:", "models: [", "Restore it from version control"),
    ],
)
def test_an_unusable_lock_names_what_is_wrong(old: str, new: str, said: str) -> None:
    text = (stacks.ROOT / "models.lock.yaml").read_text()
    assert old in text
    with pytest.raises(ConfigError, match=said):
        lock.load(text.replace(old, new, 1))


def test_a_split_model_keeps_the_suffix_llama_cpp_finds_its_parts_by() -> None:
    part = lock.LockedFile(role="model", path="x.gguf", size=1, sha256="0" * 64, part="2/3")
    assert part.link == "model-00002-of-00003.gguf"


def test_a_model_with_a_part_missing_is_refused() -> None:
    part = lock.LockedFile(role="model", path="x.gguf", size=1, sha256="0" * 64, part="2/3")
    with pytest.raises(ValueError, match="not one whole model"):
        lock.LockedModel(
            repo="a/b", revision="main", commit="0" * 40, quant="Q4", gen="0" * 12, files=(part,),
            gguf=lock.GgufFacts(architecture="llama", source="header"),
        )  # fmt: skip
