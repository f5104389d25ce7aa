"""What drafting takes of a card, by the formulas and by the lock's figures, against llama.cpp's allocator."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ops.allocator import log, program
from ops.allocator.device import device
from ops.allocator.measure import Way, measure, overrides
from ops.allocator.program import Program
from ops.allocator.question import HeaderFile, Question, ask, model
from plan.catalogue.cards import CARDS
from plan.models.gguf_facts import GgufFacts
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from tests.oracle.allocator import Allocator, facts_of, header_of
from tests.oracle.drafts.served import HYBRID, LLAMA, SMALLER, write
from tests.oracle.known import KNOWN
from tests.soak import SOAK

MIB, BUILD = 2**20, 11312
DIGITS = 0.011  # MiB, of two figures of a log
PAIRS = {
    "qwen3": ("qwen3-8b", "qwen3-0.6b"),
    "llama": ("llama3.1-8b", "llama3.2-1b"),
    "qwen2.5": ("qwen2.5-7b", "qwen2.5-0.5b"),
    "windows": ("gemma3-27b", "gemma3-1b"),
    "hybrid": ("qwen3.5-9b", "qwen3.5-0.8b"),
    "experts": ("qwen3-30b-a3b", "qwen3-0.6b"),
}
SERVINGS = {
    "usual": Serving(8192, build=BUILD, drafted=3),
    "slots": Serving(32768, parallel=4, build=BUILD, drafted=16),
    "quantized": Serving(32768, "q8_0", parallel=2, build=BUILD, drafted=8),
    "shared": Serving(20_000, parallel=3, build=BUILD, drafted=5, unified=True),
    "short": Serving(300, ubatch=128, build=BUILD, drafted=1),
}
OWN = ("qwen3.5-0.8b", "qwen3.5-9b", "qwen3.5-27b") if SOAK else ("qwen3.5-0.8b", "qwen3.5-27b")


@pytest.fixture(scope="module")
def llama(allocator: Allocator) -> Program:
    found = program.find(str(allocator.programs / "llama-server"))
    assert found
    return found


def told(facts: GgufFacts, serving: Serving) -> Breakdown:
    sizes = {"model": 1, **({"draft": 1} if facts.draft else {})}
    return estimate(facts, sizes, serving, CARDS["t4"])


def pair(directory: Path, name: str) -> tuple[Path, Path, GgufFacts]:
    large, small = (KNOWN[it].write(directory / f"{it}.gguf") for it in PAIRS[name])
    return large, small, facts_of(large).model_copy(update={"draft": facts_of(small)})


def of_both(llama: Program, large: Path, small: Path, serving: Serving) -> log.Told:
    """What a llama-server that is started with the draft says of both, before it loads any."""
    found = log.Log(contexts=2)
    values = {
        "--model": large, "--model-draft": small, "--spec-type": "draft-simple", "--spec-draft-n-max": serving.drafted,
        "--gpu-layers-draft": 999, "--n-gpu-layers": 999, "--ctx-size": serving.total_tokens,
        "--parallel": serving.parallel, "--ubatch-size": serving.ubatch,
        **dict.fromkeys(("--cache-type-k", "--cache-type-v"), serving.kv_type),
        **dict.fromkeys(("--cache-type-k-draft", "--cache-type-v-draft"), serving.kv_type),
        "--flash-attn": "on", "--fit": "on", "--verbosity": 5, "--threads": 1, "--host": "127.0.0.1", "--port": 0,
    }  # fmt: skip
    with device() as card:
        argv = [llama.path, *(word for row in values.items() for word in row), "--no-warmup", "--offline"]
        argv += ["--rpc", card.address, "--device", "RPC0", *(["--kv-unified"] if serving.unified else [])]
        server = subprocess.Popen(
            list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        with server:
            assert server.stderr
            while not found.told and (line := server.stderr.readline()):
                found.read(line)
            server.kill()
    assert found.told
    return found.told


@pytest.mark.parametrize("serving", SERVINGS.values(), ids=SERVINGS)
@pytest.mark.parametrize("name", PAIRS)
def test_a_draft_and_its_model_take_what_the_allocator_says_of_both(
    tmp_path: Path, llama: Program, name: str, serving: Serving
) -> None:
    large, small, facts = pair(tmp_path, name)
    ours, theirs = told(facts, serving), of_both(llama, large, small, serving)
    draft = theirs.draft
    assert draft

    assert int(ours.draft_weights_mib) == draft.weights_mib
    cache = sum(it.bytes for it in draft.caches) + draft.state
    assert ours.draft_cache_mib == pytest.approx(cache / MIB, abs=3 * DIGITS)
    kept = sum(it.bytes for it in theirs.caches) + theirs.state
    assert ours.kv_mib + ours.state_mib == pytest.approx(kept / MIB, abs=3 * DIGITS)
    for bound, least in ((ours.draft_compute_mib, draft.compute), (ours.compute_mib, theirs.compute)):
        assert least / MIB - 2 * DIGITS <= bound
        # Of windows the client asks for the size of a short one's copy alone (ops/allocator/measure.py).
        assert bound <= 1.17 * least / MIB + 1 or (name == "windows" and serving.kv_type != "f16")


@pytest.mark.parametrize("serving", SERVINGS.values(), ids=SERVINGS)
@pytest.mark.parametrize("name", OWN)
def test_blocks_that_draft_take_what_the_allocator_says_of_them(
    tmp_path: Path, llama: Program, name: str, serving: Serving
) -> None:
    """The bound of the buffers is wider than elsewhere: copies of states have some of the activations' room."""
    file, how = replace(KNOWN[name], nextn=1).write(tmp_path / "model.gguf"), replace(serving, mtp=True)
    ours, theirs = told(facts_of(file), how), asked(llama, file, how)
    draft = theirs.draft
    assert draft

    assert int(ours.weights_mib + ours.draft_weights_mib) in (theirs.weights_mib, theirs.weights_mib + 1)
    assert ours.draft_cache_mib == pytest.approx(sum(it.bytes for it in draft.caches) / MIB, abs=DIGITS)
    assert ours.state_mib * MIB == theirs.state
    assert draft.compute / MIB - 2 * DIGITS <= ours.draft_compute_mib <= 1.2 * draft.compute / MIB + 1
    assert theirs.compute / MIB - 2 * DIGITS <= ours.compute_mib <= 1.2 * theirs.compute / MIB + 4


def asked(llama: Program, file: Path, serving: Serving) -> log.Told:
    header = header_of(file)
    flags = ("--kv-unified",) if serving.unified else ()
    question = Question(
        serving.total_tokens, serving.kv_type, serving.parallel, serving.ubatch, flags, drafts=serving.drafted
    )
    with model([HeaderFile("model.gguf", header.content, file.stat().st_size)]) as path:
        return ask(llama, path, overrides(header), question)


def test_figures_of_the_lock_tell_what_blocks_that_draft_take_at_any_context(tmp_path: Path, llama: Program) -> None:
    file = replace(KNOWN["qwen3.5-0.8b"], nextn=1).write(tmp_path / "model.gguf")
    header, read = header_of(file), facts_of(file)
    files = [HeaderFile("model.gguf", header.content, file.stat().st_size)]
    ways = [Way(Serving(0, drafted=3, mtp=True), (4000,)), Way(Serving(0, "q8_0", 2, drafted=5, mtp=True), (9000,))]
    facts = read.model_copy(update={"allocator": measure(llama, files, header, read.shape, ways)})

    for way in ways:
        for context in (4000, 20_000, 70_000):
            serving = replace(way.serving, total_tokens=context * way.serving.parallel, build=BUILD)
            ours, theirs = told(facts, serving), asked(llama, file, serving)
            assert theirs.draft
            assert (ours.source, ours.state_mib * MIB) == ("allocator", theirs.state)
            cache = sum(it.bytes for it in theirs.draft.caches) / MIB
            assert ours.draft_cache_mib == pytest.approx(cache, abs=DIGITS)
            for bound, least in ((ours.compute_mib, theirs.compute), (ours.draft_compute_mib, theirs.draft.compute)):
                assert least / MIB - 2 * DIGITS <= bound <= 1.03 * least / MIB + 1
    odd = facts.model_copy(update={"shape": facts.shape.model_copy(update={"architecture": "of-next-year"})})
    assert told(odd, Serving(4000, build=BUILD, drafted=3, mtp=True)).source == "allocator"
    with pytest.raises(VramError, match="4 tokens drafted by its own blocks"):
        told(odd, Serving(4000, build=BUILD, drafted=4, mtp=True))


@pytest.mark.parametrize("own", [False, True], ids=["draft", "mtp"])
def test_nothing_grows_once_a_server_that_drafts_is_there(tmp_path: Path, allocator: Allocator, *, own: bool) -> None:
    """What `--fit on` reckons with is what is held: drafting sets samplers and rows, and reserves anew."""
    large, small = write(HYBRID if own else LLAMA, tmp_path / "a.gguf", 1), write(SMALLER, tmp_path / "b.gguf", 2)
    more = ["--spec-type", "draft-mtp"] if own else ["--spec-type", "draft-simple", "--model-draft", str(small)]
    argv = [
        *(allocator.programs / "llama-server", "--model", large, "--ctx-size", 4096, "--parallel", 2, "--port", 0),
        *("--rpc", allocator.device, "--device", "RPC0", "--n-gpu-layers", 99, "--fit", "on", "--verbosity", 5),
        *("--host", "127.0.0.1", "--no-warmup", "--flash-attn", "on", "--spec-draft-n-max", 8, *more),
    ]
    said = list[str]()
    with subprocess.Popen(list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        for line in server.stderr:
            said.append(line)
            if "server is listening" in line or "listening on http" in line:
                break
        server.kill()
    sizes = [float(it) for it in re.findall(r"RPC0\S* compute buffer size = +([\d.]+) MiB", "".join(said))]

    assert len(sizes) >= 4, "two are reckoned, and two are reserved"
    assert sizes[2:4] == sizes[:2]
    assert all(size in sizes[:2] for size in sizes), sizes
