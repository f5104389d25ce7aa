"""Headers of GGUF files: well written with values that no model has, and damaged ones."""

import random
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.corpus.case import Case
from tests.corpus.place import MORE, Place
from tests.corpus.texts import WHOLE
from tests.corpus.values import short
from tests.ops import ggufs

_NUMBERS = (0, 1, 3, 255, 2**31 - 1, 2**31, 2**32 - 1)
GOOD = {
    "context_length": 4096,
    "block_count": 1,
    "embedding_length": 256,
    "feed_forward_length": 512,
    "attention.head_count": 4,
    "attention.head_count_kv": 4,
}
_KEYS = (
    *GOOD, "expert_count", "expert_used_count", "expert_shared_count", "leading_dense_block_count",
    "attention.key_length",
    "attention.value_length", "attention.sliding_window", "attention.sliding_window_pattern", "nextn_predict_layers",
    "ssm.inner_size",
    "ssm.state_size", "ssm.group_count", "ssm.conv_kernel", "full_attention_interval", "rope.dimension_count",
    "general.alignment",
)  # fmt: skip
_ODD: tuple[Any, ...] = (
    -1.0,
    float("nan"),
    float("inf"),
    1e30,
    "",
    "text",
    "\x1b[31m",
    True,
    [],
    [0],
    [4, 4],
    [0] * 1000,
    ["a", "b"],
)
_ARCHITECTURES = (
    "llama",
    "qwen3",
    "qwen35",
    "qwen35moe",
    "gemma3",
    "clip",
    "",
    "no such",
    "\x1b[31m",
    "[/red]",
    "a" * 3000,
    "qwen3vl",
)


def cases(place: Place) -> Iterator[Case]:
    directory = place.new("headers")
    good = written(directory, {})
    for name, content in _written(directory):
        yield Case("GGUF header", name, partial(_fit, place, directory, content))
    for name, content in (*WHOLE.items(), *damaged("header", good, 150 * MORE)):
        yield Case("GGUF header", name, partial(_fit, place, directory, content))


def written(directory: Path, pairs: dict[str, Any], architecture: str = "llama") -> bytes:
    whole = {
        key if key.startswith("general.") else f"{architecture}.{key}": it for key, it in {**GOOD, **pairs}.items()
    }
    (file,) = ggufs.write(directory / "written.gguf", architecture, whole)
    return file.read_bytes()


def _written(directory: Path) -> Iterator[tuple[str, bytes]]:
    for key in _KEYS:
        for value in _NUMBERS:
            yield f"{key} = {value}", written(directory, {key: value}, "qwen3moe" if "expert" in key else "llama")
    for key in _KEYS[:8]:
        for value in _ODD:
            yield f"{key} = {short(value)}", written(directory, {key: value})
    for architecture in _ARCHITECTURES:
        yield f"architecture {short(architecture)}", written(directory, {}, architecture)


def damaged(seed: str, content: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Bytes of a header that are others, and numbers in it that lead somewhere else."""
    rng = random.Random(seed)  # noqa: S311 - the same files in every run
    header = content.index(b"output.weight") + 60
    for number in range(count):
        spoilt, where = bytearray(content), rng.randrange(header)
        match rng.randrange(5):
            case 0:
                spoilt[where] = rng.randrange(256)
            case 1:
                spoilt[where : where + 8] = struct.pack(
                    "<Q", rng.choice((0, 1, 2**31, 2**32, 2**63, 2**64 - 1, 1 << 40))
                )
            case 2:
                spoilt[where : where + 4] = struct.pack("<I", rng.choice((0, 1, 7, 8, 9, 12, 13, 2**31, 2**32 - 1)))
            case 3:
                spoilt = spoilt[:where]
            case _:
                del spoilt[where : where + rng.randint(1, 16)]
        yield f"damage {number} at {where}", bytes(spoilt)


def _fit(place: Place, directory: Path, content: bytes) -> None:
    file = directory / "given.gguf"
    file.write_bytes(content)
    place.ops("fit", "--gguf", str(file), "--context", "4096")
