"""A llama-server that drafts: it says so, its answers stay the same ones, and it takes the drafts that we lock."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ops.gguf.vocabulary import difference
from plan import config
from plan.engine.flags import draft_flags, words
from tests.oracle.allocator import Allocator, header_of
from tests.oracle.drafts.served import HYBRID, LLAMA, SMALLER, TOKENS, asked, server, write

PROMPT = "Hello, world"


def flags(drafter: Path | None, **keys: Any) -> list[str]:
    """Those that a stack's model with these keys gets."""
    draft = {"draft": {"quant": "F32", "max": 4}} if drafter else {"draft": {"max": 3}, "mtp": True}
    model = config.Model.model_validate({"repo": "a/b", "quant": "F32", "context": 512, **draft, **keys})
    return words(draft_flags(model, str(drafter) if drafter else None, "0"))


def answers(allocator: Allocator, model: Path, more: Sequence[str] = ()) -> tuple[str, int, int]:
    """The answer, the drafted tokens and those of them that were right."""
    with server(allocator, "--model", model, "--ctx-size", 512, "--parallel", 1, *more) as address:
        said = asked(address, PROMPT)
    timings = said["timings"]
    return said["content"], timings.get("draft_n", 0), timings.get("draft_n_accepted", 0)


def test_a_draft_changes_no_answer_and_a_good_one_is_used(tmp_path: Path, allocator: Allocator) -> None:
    model, small = write(LLAMA, tmp_path / "model.gguf", 1), write(SMALLER, tmp_path / "small.gguf", 2)
    content, drafted, _ = answers(allocator, model)
    assert drafted == 0

    same, drafted, right = answers(allocator, model, flags(model))
    assert same == content
    assert drafted == right > 20, "the model drafts for itself"
    same, drafted, right = answers(allocator, model, flags(small, kv_type="f16"))
    assert same == content
    assert drafted > 20
    assert right < drafted, "what the small one thinks is not what the large one says"
    # Without --spec-type llama.cpp 0.5.0 loads the draft and leaves it there.
    alone = ["--model-draft", str(small)]
    assert answers(allocator, model, alone)[1] == 0


def test_blocks_of_the_model_draft_and_a_small_model_drafts_for_a_hybrid_one(
    tmp_path: Path, allocator: Allocator
) -> None:
    model, small = write(HYBRID, tmp_path / "model.gguf", 3), write(SMALLER, tmp_path / "small.gguf", 2)
    content, drafted, _ = answers(allocator, model)
    assert drafted == 0

    for more in (flags(None), flags(small)):
        same, drafted, _ = answers(allocator, model, more)
        assert same == content
        assert drafted > 20


CHANGED = {
    "the same": ([], {}),
    "another special token": ([(4, "<other>")], {}),
    "another token": ([(5, "<other>")], {}),
    "another last token": ([(len(TOKENS) - 1, "<other>")], {}),
    "another end": ([], {"eos": 0}),
    "an end that is added": ([], {"add_eos": True}),
    "another beginning": ([], {"bos": 0}),
}


@pytest.mark.parametrize(("tokens", "ends"), CHANGED.values(), ids=CHANGED)
def test_what_the_lock_says_of_two_vocabularies_is_what_llama_server_does(
    tmp_path: Path, allocator: Allocator, tokens: list[tuple[int, str]], ends: dict[str, Any]
) -> None:
    theirs = list(TOKENS)
    for number, text in tokens:
        theirs[number] = text
    said = {"add_bos": True, "add_eos": False}
    model = write(LLAMA, tmp_path / "model.gguf", 1, **said)
    small = write(SMALLER, tmp_path / "small.gguf", 2, tokens=theirs, **{**said, **ends})

    why = difference(header_of(model), header_of(small))

    assert (answers(allocator, model, flags(small))[1] > 0) is (why == ""), why


@pytest.mark.parametrize("more", [["--spec-type", "draft-mtp"], ["--spec-type", "draft-simple,draft-mtp"]])
def test_a_model_without_blocks_that_draft_does_not_start_as_one_with_them(
    tmp_path: Path, allocator: Allocator, more: list[str]
) -> None:
    model, small = write(LLAMA, tmp_path / "model.gguf", 1), write(SMALLER, tmp_path / "small.gguf", 2)
    draft = ["--model-draft", str(small)] if "," in more[1] else []

    with pytest.raises(AssertionError, match="llama-server ended with"):
        answers(allocator, model, [*more, *draft])


def test_a_batch_that_does_not_hold_what_is_checked_at_once_ends_the_server(
    tmp_path: Path, allocator: Allocator
) -> None:
    model = write(LLAMA, tmp_path / "model.gguf", 1)
    batch = ["--batch-size", "8", "--ubatch-size", "8", "--spec-draft-n-max", "16"]

    with pytest.raises(ConnectionError):
        answers(allocator, model, [*flags(model), *batch])
