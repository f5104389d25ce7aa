"""Tiny models with random weights, and a llama-server that answers with them."""

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

from tests.oracle.allocator import Allocator, free_port
from tests.oracle.shapes import VOCABULARY, Model

LLAMA = Model("llama", 2, 64, 128, 4, 2, 16, weights=Type.F32)
SMALLER = Model("llama", 1, 32, 64, 2, 1, 16, weights=Type.F32)
_SSM = {"conv_kernel": 4, "inner_size": 128, "state_size": 32, "group_count": 2, "time_step_rank": 4}
HYBRID = Model(
    "qwen35", 4, 64, 128, 4, 2, 32, weights=Type.F32, nextn=1,
    pairs={**{f"qwen35.ssm.{key}": it for key, it in _SSM.items()}, "qwen35.rope.dimension_sections": [6, 5, 5, 0]},
)  # fmt: skip
SPECIAL, BYTES = ["<unk>", "<s>", "</s>"], VOCABULARY - 3
TOKENS = [*SPECIAL, *(f"<0x{number:02X}>" for number in range(BYTES))]


def write(model: Model, path: Path, seed: int, *, tokens: Sequence[str] = TOKENS, **ends: int | bool) -> Path:
    """A model whose vocabulary is of bytes, as llama's tokenizer has them; each seed has other weights.

    `ends` are `bos` and `eos`, numbers of tokens, and `add_bos` and `add_eos`.
    """
    random, writer = np.random.default_rng(seed), gguf.GGUFWriter(path, model.architecture)
    for key, value in model.keys().items():
        if not key.startswith("tokenizer."):
            kinds = {int: writer.add_uint32, float: writer.add_float32, list: writer.add_array}
            kinds[type(value)](key if "." in key else f"{model.architecture}.{key}", value)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(tokens))
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types([2, 3, 3] + [6] * BYTES)  # unknown, control, byte
    writer.add_bos_token_id(ends.get("bos", 1))
    writer.add_eos_token_id(ends.get("eos", 2))
    for name, add in (("add_bos", writer.add_add_bos_token), ("add_eos", writer.add_add_eos_token)):
        if name in ends:
            add(bool(ends[name]))
    for name, (shape, _) in model.tensors().items():
        around = 1.0 if "norm" in name else 0.0
        spread = 0.02 if around else 0.3
        writer.add_tensor(name, random.normal(around, spread, shape[::-1]).astype(np.float32))
    for write_part in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write_part()
    writer.close()
    return path


@contextlib.contextmanager
def server(allocator: Allocator, *flags: object) -> Generator[str]:
    """The address of a llama-server with these flags, on this machine's processor, while the block runs."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    fixed = ["--host", "127.0.0.1", "--port", port, "--threads", 1, "--fit", "off", "--offline", "--no-warmup"]
    argv = [allocator.programs / "llama-server", *fixed, *flags]
    with subprocess.Popen(list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not _is_ready(address):
                assert process.poll() is None, f"llama-server ended with {process.returncode}: {argv}"
                time.sleep(0.05)
            yield address
        finally:
            process.kill()


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=60) as answer:  # noqa: S310 - loopback
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def asked(address: str, prompt: str, tokens: int = 48) -> dict[str, Any]:
    """The answer to a prompt, the likeliest token at each step."""
    body = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
    request = urllib.request.Request(f"{address}/completion", json.dumps(body).encode())  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 - loopback
        found: dict[str, Any] = json.load(answer)
    return found
