"""llama.cpp's allocator for a card that only pretends: what the lock keeps of it, and what it says when asked again.

And both sides of the formulas where the device of llama.cpp itself shows one: quantized caches, experts, many slots.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from ops.allocator import program
from ops.allocator.log import Told
from ops.allocator.measure import Way, measure, overrides
from ops.allocator.program import Program
from ops.allocator.question import HeaderFile, Question, ask, model
from ops.gguf.facts import facts
from plan.catalogue.cards import CARDS
from plan.models.gguf_facts import GgufFacts
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from tests.oracle.allocator import Allocator, facts_of, header_of
from tests.oracle.known import KNOWN
from tests.oracle.pretending.others import OTHERS
from tests.soak import SOAK

MIB = 2**20
BUILD = 11312
DIGITS = 0.011  # MiB, of two figures of a log


@pytest.fixture(scope="module")
def llama(allocator: Allocator) -> Program:
    found = program.find(str(allocator.programs / "llama-server"))
    assert found
    return found


def asked(llama: Program, file: Path, question: Question) -> Told:
    header = header_of(file)
    with model([HeaderFile("model.gguf", header.content, file.stat().st_size)]) as path:
        return ask(llama, path, overrides(header), question)


def measured(llama: Program, file: Path, *ways: Way) -> GgufFacts:
    """The facts of a file as the lock has them, with figures for these ways to serve it."""
    header, read = header_of(file), facts_of(file)
    files = [HeaderFile("model.gguf", header.content, file.stat().st_size)]
    return read.model_copy(update={"allocator": measure(llama, files, header, read.shape, ways)})


def told(read: GgufFacts, serving: Serving) -> Breakdown:
    return estimate(read, {"model": 1}, serving, CARDS["t4"])


def question(serving: Serving) -> Question:
    return Question(serving.total_tokens, serving.kv_type, serving.parallel, serving.ubatch)


WAYS = [
    Way(Serving(0, kv_type, slots), (4000,)) for kv_type, slots in (("f16", 1), ("q8_0", 1), ("q8_0", 3), ("f16", 4))
]
# Neither the contexts that the lock asks about nor, but for the first, one that is served.
SERVINGS = {
    "served": Serving(4000, build=BUILD),
    "shorter than a window": Serving(1000, build=BUILD),
    "long": Serving(100_000, build=BUILD),
    "quantized": Serving(20_000, "q8_0", build=BUILD),
    "quantized slots": Serving(60_000, "q8_0", parallel=3, build=BUILD),
    "slots": Serving(70_000, parallel=4, build=BUILD),
}


# Bytes of one layer's keys and values of a token in f16.
COPIED = {"gpt-oss-20b": 2 * 2 * 8 * 64, "gemma2-2b": 2 * 2 * 4 * 256}


@pytest.mark.parametrize("name", OTHERS)
def test_an_architecture_without_a_formula_takes_what_its_figures_tell_of_any_context(
    tmp_path: Path, llama: Program, name: str
) -> None:
    file = OTHERS[name].write(tmp_path / "model.gguf")
    read = measured(llama, file, *WAYS)

    for how, serving in SERVINGS.items():
        ours, theirs = told(read, serving), asked(llama, file, question(serving))
        assert ours.kv_mib == pytest.approx(sum(cache.bytes for cache in theirs.caches) / MIB, abs=2 * DIGITS), how
        assert ours.state_mib * MIB == theirs.state, how
        assert int(ours.weights_mib) == theirs.weights_mib, how
        least = theirs.compute / MIB
        if len(theirs.caches) > 1 and serving.kv_type != "f16":
            # The client asks for the size of a short window's copy alone; that of a layer of the whole context is more.
            copy = theirs.caches[0].cells * theirs.caches[0].streams * COPIED[name] / MIB
            assert max(least, copy) <= ours.compute_mib <= least + copy, how
            continue
        assert least - 2 * DIGITS <= ours.compute_mib <= 1.03 * least + (8 if how.startswith("shorter") else 1), how
        assert ours.notes == ()


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
@pytest.mark.parametrize("name", ["glm4-9b", "gemma2-2b", "granite4-micro"])
def test_a_cache_that_all_slots_share_is_asked_about_as_such(
    tmp_path: Path, llama: Program, name: str, kv_type: str
) -> None:
    file = OTHERS[name].write(tmp_path / "model.gguf")
    shared = Serving(20_000, kv_type, parallel=3, build=BUILD, unified=True)
    read = measured(llama, file, Way(replace(shared, total_tokens=0, build=None), (20_000,)), *WAYS[:1])

    ours = told(read, shared)
    theirs = asked(llama, file, replace(question(shared), flags=("--kv-unified",)))

    assert ours.source == "allocator"
    assert ours.kv_mib == pytest.approx(sum(cache.bytes for cache in theirs.caches) / MIB, abs=2 * DIGITS)
    assert ours.state_mib * MIB == theirs.state
    assert ours.compute_mib >= theirs.compute / MIB - 2 * DIGITS
    alone = replace(shared, parallel=5)
    with pytest.raises(VramError, match="one cache for all"):
        told(read, alone)


@pytest.mark.parametrize("parallel", [3, 16])
@pytest.mark.parametrize("name", ["gpt-oss-20b", "glm4-9b"])
def test_other_slots_than_those_that_were_asked_about_follow_from_them(
    tmp_path: Path, llama: Program, name: str, parallel: int
) -> None:
    file = OTHERS[name].write(tmp_path / "model.gguf")
    read = measured(llama, file, Way(Serving(0), (8192,)))
    serving = Serving(8192 * parallel, parallel=parallel, build=BUILD)

    ours, theirs = told(read, serving), asked(llama, file, question(serving))

    logits = 4 * 32000 * parallel / MIB
    assert ours.kv_mib == pytest.approx(sum(cache.bytes for cache in theirs.caches) / MIB, abs=2 * DIGITS)
    assert theirs.compute / MIB - 2 * DIGITS <= ours.compute_mib <= 1.03 * theirs.compute / MIB + logits


def test_a_model_in_parts_is_asked_about_as_a_whole(tmp_path: Path, llama: Program) -> None:
    """Each part's header in a file of its own: llama.cpp finds the others by their names."""
    (directory := tmp_path / "parts").mkdir()
    whole = measured(llama, OTHERS["glm4-9b"].write(tmp_path / "model.gguf"), Way(Serving(0), (8192,)))
    OTHERS["glm4-9b"].write(directory / "m.gguf", split=12)
    parts = sorted(directory.iterdir())
    headers = [header_of(part) for part in parts]
    files = [HeaderFile(p.name, header.content, p.stat().st_size) for p, header in zip(parts, headers, strict=True)]

    found = measure(llama, files, headers[0], facts(headers, None).shape, [Way(Serving(0), (8192,))])

    assert len(parts) == 3
    assert found == whole.allocator


QUANTIZED = tuple(KNOWN) if SOAK else ("qwen3-8b", "qwen3-4b", "gemma3-4b", "qwen3vl-8b", "qwen3.5-9b", "qwen3-30b-a3b")


@pytest.mark.parametrize(("kv_type", "parallel"), [("q8_0", 1), ("q4_0", 2)])
@pytest.mark.parametrize("name", QUANTIZED)
def test_the_formula_of_a_quantized_cache_is_at_least_the_cards_and_little_more(
    tmp_path: Path, llama: Program, name: str, kv_type: str, parallel: int
) -> None:
    file = KNOWN[name].write(tmp_path / "model.gguf")
    serving = Serving(65536, kv_type, parallel, build=BUILD)
    windows = facts_of(file).shape.sliding_window
    way = Way(Serving(0, kv_type, parallel), (65536 // parallel,))

    ours = told(facts_of(file), serving).compute_mib
    theirs = told(measured(llama, file, way), serving).compute_mib if windows else (
        asked(llama, file, question(serving)).compute / MIB
    )  # fmt: skip

    assert theirs - 0.04 <= ours <= 1.08 * theirs + 1


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("name", ["qwen3-8b", "gemma3-4b", "qwen3.5-9b", "qwen3-30b-a3b"])
def test_figures_and_formulas_agree_so_a_preview_has_no_note(
    tmp_path: Path, llama: Program, name: str, parallel: int
) -> None:
    file = KNOWN[name].write(tmp_path / "model.gguf")

    found = told(
        measured(llama, file, Way(Serving(0, parallel=parallel), (16384,))),
        Serving(65536, parallel=parallel, build=BUILD),
    )

    assert (found.source, found.notes) == ("allocator", ())


PUBLISHED = {"qwen3-8b": (131072, 672.09), "qwen3.5-4b": (262144, 1330), "qwen3.5-27b": (262144, 1360)}


@pytest.mark.parametrize(("name", "published"), PUBLISHED.items())
def test_compute_buffers_of_public_cuda_logs_are_the_pretending_card_s(
    tmp_path: Path, llama: Program, name: str, published: tuple[int, float]
) -> None:
    """With a q8_0 cache, of which an RPC device of llama.cpp's own shows the smaller side: 216.09 of 672.09 MiB."""
    context, mib = published
    file = KNOWN[name].write(tmp_path / "model.gguf")

    assert asked(llama, file, Question(context, "q8_0")).compute / MIB == pytest.approx(mib, rel=0.002)


def test_embeddings_take_another_buffer_than_chats(
    tmp_path: Path, llama: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.oracle.shapes.VOCABULARY", 40000)
    file = KNOWN["qwen3-0.6b"].write(tmp_path / "model.gguf")
    ways = [Way(Serving(0), (8192,)), Way(Serving(0, embeds=True), (8192,), ("--embeddings", "--pooling", "last"))]
    read = measured(llama, file, *ways)

    chat, embedding = (told(read, Serving(8192, embeds=embeds, build=BUILD)) for embeds in (False, True))
    direct = asked(llama, file, Question(8192, flags=("--embeddings", "--pooling", "last"))).compute / MIB

    assert embedding.compute_mib == pytest.approx(direct, abs=2 * DIGITS)
    assert embedding.compute_mib != chat.compute_mib
