"""C6, C7, C8, C13: which file of a repository is served, and what its header has to say before it is locked."""

from collections.abc import Mapping
from typing import Any

import pytest
from gguf import GGMLQuantizationType as Type

from tests.ops import ggufs
from tests.ops.desk import REPO, Desk

MODEL = {"context_length": 32768}


def offer(desk: Desk, path: str, architecture: str = "llama", pairs: Mapping[str, Any] = MODEL, **more: Any) -> None:
    file = desk.hub.repos.root / REPO / path
    file.parent.mkdir(parents=True, exist_ok=True)
    ggufs.write(file, architecture, pairs, vocabulary=len(path), **more)


def test_c13_a_model_and_its_projector_are_named_by_their_paths(desk: Desk) -> None:
    offer(desk, "deep/model-i2_s.gguf")
    offer(desk, "tower-kquant.gguf", "clip", {"clip.projector_type": "resampler"}, tensors=ggufs.BLOCK)
    desk.configure("a: {file: deep/model-i2_s.gguf, mmproj_file: tower-kquant.gguf}")

    desk.lock()

    locked = desk.models["a"]
    assert [(file.role, file.path) for file in locked.files] == [
        ("model", "deep/model-i2_s.gguf"),
        ("mmproj", "tower-kquant.gguf"),
    ]
    assert locked.quant == "unknown", "neither the name nor the header says it"
    assert "has all 1 models" in desk.lock("--check")


@pytest.mark.parametrize(
    ("path", "file_type", "quant"),
    [
        ("x.gguf", 15, "Q4_K_M"),
        ("x.gguf", 7, "Q8_0"),
        ("x.gguf", 4711, "unknown"),
        ("x-Q5_K_M.gguf", 17, "Q5_K_M"),
        ("F16/x.gguf", 1, "F16"),
        ("draft/x-Q4_0.gguf", 2, "Q4_0"),
    ],
)
def test_a_files_quantization_is_that_of_its_name_or_else_of_its_header(
    desk: Desk, path: str, file_type: int, quant: str
) -> None:
    offer(desk, path, pairs={**MODEL, "general.file_type": file_type})
    desk.configure(f"a: {{file: {path}}}")

    desk.lock()

    assert desk.models["a"].quant == quant
    assert "has all 1 models" in desk.lock("--check")


def test_another_file_of_the_stack_is_told_with_the_locked_one(desk: Desk) -> None:
    offer(desk, "x.gguf")
    desk.configure("a: {file: x.gguf}")
    desk.lock()
    desk.configure("a: {file: y.gguf, mmproj_file: z.gguf}")

    said = desk.lock("--check", code=1)

    assert (
        "models.a.file: got 'y.gguf'. models.lock.yaml has x.gguf for it. Run `bin/local-llm lock --update a`" in said
    )
    assert "models.a.mmproj_file: got 'z.gguf'. models.lock.yaml has none for it." in said
    assert "has no file y.gguf; there is x.gguf" in desk.lock("--update", "a", code=1)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{quant: Q8_0, file: x.gguf}", "a model has `quant` or `file`, not both"),
        ("{}", "a model has `quant`, the quantization in its file's name, or `file`, the path of its file"),
        ("{quant: Q8_0, mmproj: F16, mmproj_file: x.gguf}", "a model has `mmproj` or `mmproj_file`, not both"),
        ("{file: x.bin}", "it is the path of a .gguf file below its repository"),
        ("{file: ../x.gguf}", "a path stays below its repository"),
        ("{file: /x.gguf}", "a path stays below its repository"),
        ('{file: ""}', "models.a.file"),
    ],
)
def test_a_file_is_named_once_and_lies_in_its_repository(desk: Desk, written: str, said: str) -> None:
    desk.configure(f"a: {written}" if written != "{}" else f"a: {{repo: {REPO}}}")

    printed = desk.lock(code=1)

    assert said.lower() in printed.lower()
    assert desk.hub.log == []


@pytest.mark.parametrize(
    ("architecture", "pairs", "said"),
    [
        ("llama", {"general.type": "adapter", "adapter.type": "lora"}, "it is an adapter (LoRA): its general.type"),
        ("llama", {"adapter.type": "lora"}, "it is an adapter (LoRA)"),
        ("controlvector", {}, "it is an adapter (LoRA)"),
        ("llama", {"general.type": "imatrix"}, "it is an importance matrix"),
        ("llama", {"general.type": "vocab"}, "it is a vocabulary"),
        ("clip", {"general.type": "mmproj"}, "it is a projector"),
        ("clip", {}, "it is not a language model: its architecture is 'clip'"),
        ("llama", {"general.type": "sculpture"}, "it is not a model: its general.type is 'sculpture'"),
        ("eagle3", {}, "it is a drafter, which serves nobody without its model: its architecture is 'eagle3'"),
        ("dflash", {}, "it is a drafter"),
        ("gemma4-assistant", {}, "it is a drafter"),
        ("qwen35", {"block_count": 9, "nextn_predict_layers": 9}, "it is a drafter: it has blocks for multi-token"),
    ],
)
def test_c8_what_a_header_says_it_is_counts_whatever_its_file_is_called(
    desk: Desk, architecture: str, pairs: dict[str, Any], said: str
) -> None:
    offer(desk, "chat-Q2_K.gguf", architecture, {**MODEL, **pairs})
    desk.configure("a: {quant: Q2_K}")

    assert said in desk.lock(code=1)
    assert not (desk.directory / "models.lock.yaml").exists()


def _tower(desk: Desk, kind: str, last: str, shape: tuple[int, ...], deepstack: int = 0) -> None:
    pairs = {"clip.projector_type": kind, "clip.vision.block_count": 3}
    if deepstack:
        pairs["clip.vision.is_deepstack_layers"] = [True] * deepstack + [False] * (3 - deepstack)
    offer(desk, "mmproj-F16.gguf", "clip", pairs, tensors={**ggufs.BLOCK, last: (shape, Type.F32)})


@pytest.mark.parametrize(
    ("kind", "last", "good", "bad", "gives"),
    [
        ("qwen3vl_merger", "mm.2.bias", (256,), (128,), 128),
        ("qwen2.5vl_merger", "mm.2.bias", (256,), (512,), 512),
        ("gemma3", "mm.input_projection.weight", (256, 96), (320, 256), 320),
        ("resampler", "resampler.proj.weight", (256, 256), (64, 64), 64),
        ("pixtral", "mm.2.weight", (96, 256), (256, 96), 96),
        ("internvl", "mm.model.mlp.3.weight", (96, 256), (256, 288), 288),
        ("idefics3", "mm.model.fc.weight", (96, 256), (256, 32), 32),
    ],
)
def test_c7_a_projector_as_wide_as_another_model_is_refused_with_both_widths(
    desk: Desk, kind: str, last: str, good: tuple[int, ...], bad: tuple[int, ...], gives: int
) -> None:
    offer(desk, "b-Q4_K_M.gguf", pairs={**MODEL, "embedding_length": 256, "vocab_size": 10})
    desk.configure("a: {file: b-Q4_K_M.gguf, mmproj_file: mmproj-F16.gguf}")

    _tower(desk, kind, last, bad)
    said = desk.lock(code=1)
    assert f"gguf.projector.width is {gives}: The model takes 256 numbers a token (its embedding)" in said
    assert not (desk.directory / "models.lock.yaml").exists()

    _tower(desk, kind, last, good)
    desk.lock()


@pytest.mark.parametrize(("layers", "width"), [(0, 256), (1, 512), (3, 1024)])
def test_c7_deeper_layers_are_counted_on_both_sides(desk: Desk, layers: int, width: int) -> None:
    pairs = {**MODEL, "embedding_length": 256, "vocab_size": 10, "block_count": 4, "n_deepstack_layers": 2}
    offer(desk, "b-Q4_K_M.gguf", "qwen3vl", pairs)
    desk.configure("a: {file: b-Q4_K_M.gguf, mmproj_file: mmproj-F16.gguf}")

    _tower(desk, "qwen3vl_merger", "mm.2.bias", (256,), layers)
    said = desk.lock(code=1)
    assert (
        f"gguf.projector.width is {width}: The model takes 768 numbers a token (256 for its input and each of" in said
    )

    _tower(desk, "qwen3vl_merger", "mm.2.bias", (256,), 2)
    desk.lock()


def test_a_name_that_says_another_quantization_than_the_tensors_is_a_note(desk: Desk) -> None:
    tensors = {**ggufs.EMBEDDING, "blk.0.ffn_down.weight": ((512, 256), Type.Q8_0)}
    offer(desk, "x-Q2_K.gguf", tensors=tensors)
    desk.configure("a: {file: x-Q2_K.gguf}")
    desk.lock()

    said = desk.lock("--check")

    assert "a is called Q2_K, and most numbers in its blocks are Q8_0: its quality is that of Q8_0." in said
