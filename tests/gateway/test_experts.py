"""A real llama-server serves a tiny mixture of experts whose first layers' experts stay off the card, and answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from dev.tools import tools
from ops.gguf.facts import facts
from plan.models.lock import Lock, LockedFile, LockedModel, generation
from tests import stacks
from tests.gateway.router import running
from tests.gateway.test_names import KEY, asked
from tests.oracle.allocator import header_of
from tests.plans import made

LAYERS, WIDTH, HEAD, INNER, COUNT = 3, 64, 16, 32, 4
SPACE = "\u0120"  # how the tokenizer of GPT-2 writes a blank


def tokens() -> list[str]:
    """One for each byte, as that tokenizer shows it, and the one merge without which llama.cpp loads none."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    return [chr(it) for it in shown] + [chr(256 + n) for n in range(256 - len(shown))] + [f"{SPACE}t", "<|end|>"]


def write(path: Path) -> Path:
    """Random weights: what it answers means nothing."""
    random, names = np.random.default_rng(1), tokens()
    writer = gguf.GGUFWriter(path, "qwen3moe")
    lengths: dict[str, Any] = {
        "context_length": 4096, "block_count": LAYERS, "embedding_length": WIDTH, "feed_forward_length": 2 * INNER,
        "attention.head_count": 4, "attention.head_count_kv": 2, "attention.key_length": HEAD,
        "attention.value_length": HEAD, "expert_count": COUNT, "expert_used_count": 2,
        "expert_feed_forward_length": INNER,
    }  # fmt: skip
    for key, value in lengths.items():
        writer.add_uint32(f"qwen3moe.{key}", value)
    writer.add_float32("qwen3moe.attention.layer_norm_rms_epsilon", 1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types([1] * (len(names) - 1) + [3])
    writer.add_token_merges([f"{SPACE} t"])
    writer.add_eos_token_id(len(names) - 1)
    writer.add_chat_template("{% for message in messages %}{{ message.content }}{% endfor %}")
    for name, shape in shapes(len(names)).items():
        writer.add_tensor(name, random.normal(0, 0.1, shape[::-1]).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    block = {
        "attn_norm.weight": (WIDTH,), "attn_q.weight": (WIDTH, 4 * HEAD), "attn_k.weight": (WIDTH, 2 * HEAD),
        "attn_v.weight": (WIDTH, 2 * HEAD), "attn_output.weight": (4 * HEAD, WIDTH), "attn_q_norm.weight": (HEAD,),
        "attn_k_norm.weight": (HEAD,), "ffn_norm.weight": (WIDTH,), "ffn_gate_inp.weight": (WIDTH, COUNT),
        "ffn_gate_exps.weight": (WIDTH, INNER, COUNT), "ffn_up_exps.weight": (WIDTH, INNER, COUNT),
        "ffn_down_exps.weight": (INNER, WIDTH, COUNT),
    }  # fmt: skip
    whole = {"token_embd.weight": (WIDTH, vocabulary), "output_norm.weight": (WIDTH,)}
    return whole | {f"blk.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in block.items()}


MODELS: dict[str, int | str] = {"some": 2, "every": "all"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tools.ensure("llama")
    place = tmp_path_factory.mktemp("experts")
    file = write(place / "tiny-F32.gguf")
    locked = LockedFile(role="model", path=file.name, size=file.stat().st_size, sha256="a" * 64)
    gen, read = generation([locked]), facts([header_of(file)], None)
    entry = LockedModel(
        repo="a/b", revision="main", commit="0" * 40, quant="F32", gen=gen, files=(locked,), gguf=read
    )  # fmt: skip
    raw = stacks.raw("t4")
    raw["gpu"] |= {"device": "any"}  # this llama-server has none
    raw["server"]["engine"] = "llama-server"
    source = {"repo": "a/b", "quant": "F32", "context": 512}
    raw["models"] = {model_id: {**source, "cpu_moe": said} for model_id, said in MODELS.items()}
    plan = made(raw, Lock(version=1, models=dict.fromkeys(MODELS, entry))).server
    (preset,) = [text for name, text in plan.files.items() if name == "models.ini"]
    assert ("n-cpu-moe = 2" in preset, "cpu-moe = true" in preset) == (True, True), preset
    with running(place, plan, dict.fromkeys(MODELS, file), KEY) as url:
        yield url


@pytest.mark.parametrize("model_id", MODELS)
def test_it_answers(served: str, model_id: str) -> None:
    question = {"role": "user", "content": "a tall tale of two towns " * 4}  # more tokens than a decoding step has
    answer: Any = asked(
        f"{served}/chat/completions", {"model": model_id, "messages": [question], "max_tokens": 4, "ignore_eos": True}
    )

    assert answer["model"] == model_id
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["usage"]["prompt_tokens"] > 32
