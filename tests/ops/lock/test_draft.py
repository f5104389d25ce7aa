"""A draft in `ops lock`: found beside its model or elsewhere, and read before it is locked."""

from collections.abc import Callable, Sequence
from typing import Any

import gguf
import pytest

from ops.gguf import vocabulary
from ops.gguf.header import Header, texts
from tests.ops import ggufs
from tests.ops.desk import REPO, Desk
from tests.oracle.allocator import header_of

SMALL = "org/small-GGUF"
MODEL = {"context_length": 32768}


def offer(desk: Desk, path: str, repo: str = REPO, architecture: str = "llama", **more: Any) -> None:
    file = desk.hub.repos.root / repo / path
    file.parent.mkdir(parents=True, exist_ok=True)
    pairs = {**MODEL, **more.pop("pairs", {})}
    ggufs.write(file, architecture, pairs, **{"vocabulary": 10, **more})


@pytest.fixture
def pair(desk: Desk) -> Desk:
    """A repository with a model and a drafter in it, and another with a small model of two quantizations."""
    offer(desk, "big-30B-Q5_K_M.gguf")
    offer(desk, "draft/small-0.6B-DRAFT-Q4_0.gguf")
    for quant in ("Q4_0", "Q8_0"):
        offer(desk, f"small-0.6B-{quant}.gguf", SMALL)
    return desk


def files(desk: Desk) -> list[tuple[str, str, bool]]:
    return [(file.role, file.path, bool(file.repo and file.commit)) for file in desk.models["a"].files]


@pytest.mark.parametrize("named", ["quant: Q4_0", "file: draft/small-0.6B-DRAFT-Q4_0.gguf"])
def test_c6_a_drafter_in_the_repository_of_its_model_is_found_by_its_name_or_path(pair: Desk, named: str) -> None:
    pair.configure(f"a: {{quant: Q5_K_M, draft: {{ {named} }}}}")

    printed = pair.lock()

    assert files(pair) == [
        ("model", "big-30B-Q5_K_M.gguf", False),
        ("draft", "draft/small-0.6B-DRAFT-Q4_0.gguf", False),
    ]
    draft = pair.models["a"].gguf.draft
    assert draft
    assert (draft.shape.architecture, draft.shape.source) == ("llama", "header")
    assert "draft/small-0.6B-DRAFT-Q4_0.gguf" in printed
    assert "has all 1 models" in pair.lock("--check")
    assert "nothing changed" in pair.lock()


def test_a_small_model_of_another_repository_is_locked_with_the_commit_there(pair: Desk) -> None:
    pair.configure(
        f"a: {{quant: Q5_K_M, draft: {{repo: {SMALL}, quant: Q8_0}}}}".replace("a: {", f"a: {{repo: {REPO}, ")
    )

    printed = pair.lock()

    assert f"{SMALL}: small-0.6B-Q8_0.gguf" in printed
    assert "facts of shape: header, weights: header, draft: header" in printed
    _, draft = pair.models["a"].files
    there = pair.hub.repos.get(SMALL)
    assert there
    assert (draft.role, draft.path, draft.repo, draft.commit) == ("draft", "small-0.6B-Q8_0.gguf", SMALL, there.commit)
    assert "has all 1 models" in pair.lock("--check")


def test_a_model_takes_no_drafter_for_itself_and_a_draft_no_model_beside_it(pair: Desk) -> None:
    pair.configure("a: {quant: Q4_0}")
    assert "draft/small-0.6B-DRAFT-Q4_0.gguf is a drafter by its name" in pair.lock(code=1)

    pair.configure("a: {quant: Q5_K_M, draft: {quant: Q5_K_M}}")
    said = pair.lock(code=1)
    assert "has no drafter Q5_K_M; there are Q4_0" in said
    assert "set `draft.quant` to one of them" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"architecture": "eagle3"}, "its architecture is 'eagle3', which drafts from the states of its model"),
        ({"architecture": "dflash"}, "it is no model of its own, and `draft` takes one"),
        ({"architecture": "gemma4-assistant"}, "it is no model of its own"),
        ({"architecture": "clip"}, "it is not a language model"),
        ({"pairs": {"general.type": "adapter"}}, "it is an adapter (LoRA)"),
        ({"pairs": {"general.type": "imatrix"}}, "it is an importance matrix"),
        ({"pairs": {"pooling_type": 1}}, "It writes no text, so it drafts none"),
        ({"architecture": "bert"}, "It writes no text, so it drafts none"),
        (
            {"pairs": {"block_count": 1, "nextn_predict_layers": 1}},
            "blocks for multi-token prediction and none of the model's own",
        ),
        ({"vocabulary": 11 + 128}, "at most 128 tokens more or less than 10"),
        ({"pairs": {"tokenizer.ggml.model": "gpt2"}}, "its tokenizer is 'gpt2', the model's nothing"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_draft_for_the_model_is_refused_before_anything_is_locked(
    pair: Desk, content: dict[str, Any], said: str
) -> None:
    offer(pair, "draft/odd-DRAFT-Q8_0.gguf", **content)
    pair.configure("a: {quant: Q5_K_M, draft: {quant: Q8_0}}")

    assert said in pair.lock(code=1)

    assert not (pair.directory / "models.lock.yaml").exists()


def test_a_lock_from_a_directory_has_the_draft_with_its_own_commit(pair: Desk) -> None:
    root = pair.hub.repos.root
    text = f"a: {{repo: {REPO}, quant: Q5_K_M, draft: {{repo: {SMALL}, quant: Q8_0}}}}"
    pair.configure(text)
    refused = pair.lock("--from", str(root), "--commit", "a" * 40, code=1)
    assert f"--commit is for one repository, and the models are from {SMALL}, {REPO}" in refused
    assert "hf download --local-dir" in refused
    for repo, commit in ((REPO, "a" * 40), (SMALL, "b" * 40)):
        for file in (root / repo).glob("**/*.gguf"):
            notes = root / repo / ".cache/huggingface/download" / f"{file.relative_to(root / repo)}.metadata"
            notes.parent.mkdir(parents=True, exist_ok=True)
            notes.write_text(f"{commit}\n{'x' * 40}\n1.0\n")

    pair.lock("--from", str(root))

    model = pair.models["a"]
    assert (model.commit, model.files[0].commit) == ("a" * 40, None)
    assert (model.files[1].repo, model.files[1].commit) == (SMALL, "b" * 40)


Change = Callable[[gguf.GGUFWriter], None]


def header(tmp_path: Any, tokens: Sequence[str], **pairs: Any) -> Header:
    file = tmp_path / f"{len([*tmp_path.iterdir()])}.gguf"
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_tokenizer_model(pairs.pop("model", "gpt2"))
    writer.add_token_list(list(tokens))
    for key, value in pairs.items():
        (writer.add_bool if isinstance(value, bool) else writer.add_uint32)(f"tokenizer.ggml.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    return header_of(file)


TOKENS = [f"t{number}" for number in range(300)]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({}, {}, ""),
        ({}, {"tokens": TOKENS[:172]}, ""),
        ({}, {"tokens": TOKENS[:171]}, "it has 171 tokens, the model 300"),
        ({"tokens": ["<a>", "<b>", *TOKENS[2:]]}, {}, ""),
        ({}, {"tokens": [*TOKENS[:5], "other", *TOKENS[6:]]}, "its token 5 is 'other', the model's 't5'"),
        ({}, {"tokens": [*TOKENS[:-1], "\x1b[31m"]}, "its token 299 is '\\x1b[31m', the model's 't299'"),
        ({"model": "llama"}, {}, "its tokenizer is 'gpt2', the model's 'llama'"),
        ({"add_bos_token": True}, {"add_bos_token": False}, "its tokenizer.ggml.add_bos_token is False"),
        ({"add_bos_token": True, "bos_token_id": 1}, {"add_bos_token": True, "bos_token_id": 2}, "bos_token_id is 2"),
        ({"add_bos_token": False, "bos_token_id": 1}, {"add_bos_token": False, "bos_token_id": 2}, ""),
        ({"add_bos_token": True}, {}, ""),
        ({"add_eos_token": True, "eos_token_id": 1}, {"add_eos_token": True, "eos_token_id": 3}, "eos_token_id is 3"),
    ],
)  # fmt: skip
def test_two_vocabularies_are_compared_as_llama_cpp_does(
    tmp_path: Any, ours: dict[str, Any], theirs: dict[str, Any], said: str
) -> None:
    model, draft = (header(tmp_path, keys.pop("tokens", TOKENS), **keys) for keys in (dict(ours), dict(theirs)))

    found = vocabulary.difference(model, draft)

    assert said in found
    assert bool(found) is bool(said)


def test_the_texts_of_an_array_are_those_that_were_written(tmp_path: Any) -> None:
    tokens = ["", "a", "\u00e9\u4e16", "x" * 300]

    assert texts(header(tmp_path, tokens), "tokenizer.ggml.tokens") == tuple(token.encode() for token in tokens)
    assert texts(header(tmp_path, tokens), "tokenizer.ggml.merges") == ()
