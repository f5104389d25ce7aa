"""GGUF files as the gguf package writes them: real headers, and zeros where the weights would be."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

Tensors = Mapping[str, tuple[tuple[int, ...], int]]
BLOCK: Tensors = {
    "blk.0.attn_norm.weight": ((256,), Type.F32),
    "blk.0.attn_q.weight": ((256, 512), Type.Q4_K),
    "blk.0.ffn_down.weight": ((512, 256), Type.Q6_K),
}
EMBEDDING: Tensors = {"token_embd.weight": ((256, 10), Type.Q4_K)}
OUTPUT: Tensors = {"output_norm.weight": ((256,), Type.F32), "output.weight": ((256, 10), Type.Q6_K)}
DENSE: Tensors = {**EMBEDDING, **BLOCK, **OUTPUT}


def bytes_of(tensors: Tensors) -> int:
    return sum(_size(shape, kind) for shape, kind in tensors.values())


def write(
    path: Path,
    architecture: str = "llama",
    pairs: Mapping[str, Any] | None = None,
    tensors: Tensors = DENSE,
    vocabulary: int = 10,
    split: int = 0,
) -> list[Path]:
    """Write a model and return its files: several of at most `split` tensors each when that is given.

    Shapes are in ggml's order, the row first. A key without a dot is one of the architecture's.
    """
    writer = gguf.GGUFWriter(path, architecture, split_max_tensors=split)
    for key, value in (pairs or {}).items():
        _add(writer, key if "." in key else f"{architecture}.{key}", value)
    if vocabulary:
        writer.add_token_list([f"token {number}" for number in range(vocabulary)])
        writer.add_token_scores([0.5] * vocabulary)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    for name, (shape, kind) in tensors.items():
        writer.add_tensor_info(name, shape[::-1], np.dtype(np.float32), _size(shape, kind), Type(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    assert writer.fout
    files = [Path(file.name) for file in writer.fout]
    for file, held in zip(files, writer.tensors, strict=True):
        data = sum(_padded(tensor.nbytes) for tensor in held.values())
        os.truncate(file, _padded(file.stat().st_size) + data)
    writer.close()
    return files


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    kinds = {
        bool: writer.add_bool,
        int: writer.add_uint32,
        np.int32: writer.add_int32,
        str: writer.add_string,
        list: writer.add_array,
    }
    kinds.get(type(value), writer.add_float32)(key, value)


def _size(shape: tuple[int, ...], kind: int) -> int:
    elements, size_bytes = gguf.GGML_QUANT_SIZES[Type(kind)]
    return int(np.prod(shape)) // elements * size_bytes


def _padded(at: int) -> int:
    return -(-at // 32) * 32
