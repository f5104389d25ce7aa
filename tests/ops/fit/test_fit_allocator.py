"""`ops fit --gguf` where a llama-server is at hand: one that says what a real one has said."""

import json
from pathlib import Path

import pytest

from tests.ops import ggufs
from tests.ops.allocator import recorded, server
from tests.ops.command import fit

LENGTHS = {
    "context_length": 32768, "block_count": 1, "embedding_length": 256, "feed_forward_length": 512,
    "llama.attention.head_count": 4, "llama.attention.head_count_kv": 4,
}  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    ggufs.write(tmp_path / "m.gguf", "granola", {"context_length": 32768})
    return tmp_path / "m.gguf"


def llama(tmp_path: Path, says: str, *, ends: bool = False) -> str:
    (tmp_path / "llama").mkdir()
    return str(server.write(tmp_path / "llama" / "llama-server", says, ends=ends))


def test_an_architecture_without_a_formula_is_shown_by_llama_cpps_own_figures(tmp_path: Path, model: Path) -> None:
    llama_server = llama(tmp_path, recorded.WINDOWS)

    printed = fit("--gguf", model, "--context", "32768", "--json", code=3, LLAMA_SERVER=llama_server)

    said = json.loads(printed)
    assert (said["source"], said["kv_mib"], said["architecture"]) == ("allocator", 2560 + 624, "granola")
    assert said["compute_mib"] == pytest.approx(188.52, abs=0.01)
    assert "--kv-unified" not in (tmp_path / "llama" / "arguments").read_text(), "each slot has a cache of its own"


def test_without_one_it_is_reckoned_or_refused_as_ever(model: Path) -> None:
    assert "architecture granola is not known" in fit("--gguf", model, "--context", "512", code=2, LLAMA_SERVER="none")


def test_one_that_cannot_load_it_is_quoted_beside_what_formulas_tell(tmp_path: Path) -> None:
    ggufs.write(tmp_path / "m.gguf", "llama", LENGTHS)
    llama_server = llama(tmp_path, recorded.UNKNOWN, ends=True)

    said = json.loads(fit("--gguf", tmp_path / "m.gguf", "--context", "512", "--json", LLAMA_SERVER=llama_server))

    assert said["source"] == "derived"
    assert (
        "llama.cpp's allocator did not tell it: llama-server ended: llama_model_load: error loading model"
        in said["notes"][-1]
    )


def test_a_cache_that_is_larger_than_the_card_is_not_asked_about(tmp_path: Path) -> None:
    """A graph of half a billion cells took llama-server minutes, for an answer that could only be no."""
    ggufs.write(tmp_path / "m.gguf", "llama", LENGTHS)
    llama_server = llama(tmp_path, recorded.UNKNOWN, ends=True)

    printed = fit("--gguf", tmp_path / "m.gguf", "--context", "99000000", "--json", code=3, LLAMA_SERVER=llama_server)

    assert json.loads(printed)["source"] == "derived"
    assert "allocator" not in printed
    assert not (tmp_path / "llama" / "arguments").exists()


def test_where_neither_tells_it_both_reasons_are_there(tmp_path: Path, model: Path) -> None:
    llama_server = llama(tmp_path, recorded.UNKNOWN, ends=True)

    said = fit("--gguf", model, "--context", "512", code=2, LLAMA_SERVER=llama_server)

    assert "architecture granola is not known" in said
    assert "unknown model architecture: 'granola'" in said


def test_one_that_was_named_and_is_not_there_is_refused(model: Path) -> None:
    said = fit("--gguf", model, "--context", "512", code=2, LLAMA_SERVER="/nowhere/llama-server")

    assert "/nowhere/llama-server: No such file or directory" in said
