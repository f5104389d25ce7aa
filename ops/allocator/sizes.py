"""How many bytes a tensor takes on a CUDA card, from what llama.cpp's RPC client says of it.

Source: llama.cpp 0c1e57098: rpc_tensor and rpc_msg_get_alloc_size_req in ggml/src/ggml-rpc/ggml-rpc.cpp,
ggml_backend_cuda_buffer_type_get_alloc_size in ggml-cuda.cu, ggml_cuda_flash_attn_ext_get_alloc_size in fattn.cu and
ggml_cuda_flash_attn_ext_get_f16_extra_data in fattn-common.cuh.
"""

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

from plan.models.ggml_types import BLOCKS

SOURCES = 10  # GGML_MAX_SRC
# id, type, buffer, four lengths, four strides, operation, its parameters, flags, ids of sources, the tensor that it is
# a view of, where in that one, data, name, uses
TENSOR = struct.Struct("<QIQ4I4II64si80sQQQ64si")
DEVICE = struct.Struct("<I")
REQUEST_BYTES = DEVICE.size + (1 + SOURCES) * TENSOR.size
FLASH_ATTENTION = 74  # GGML_OP_FLASH_ATTN_EXT, where there are 101 operations: with another number, another protocol
F16 = 1
_ROW, _ALIGNED = 512, 128  # MATRIX_ROW_PADDING, and where a copy may begin
_FEW_QUERIES = 2  # a kernel for so few reads a quantized cache as it is


class Tensor(NamedTuple):
    """`shape` and `strides` (bytes) in ggml's order, a row first; `view` is the id of what it is a view of, or 0."""

    id: int
    type: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    operation: int = 0
    view: int = 0
    offset: int = 0

    @property
    def bytes(self) -> int:
        """From its first number to its last, whatever lies between (ggml_nbytes)."""
        if 0 in self.shape:
            return 0
        block = BLOCKS[self.type]
        row = self.shape[0] * self.strides[0] // block.elements
        if block.elements == 1:
            row = block.size_bytes + (self.shape[0] - 1) * self.strides[0]
        return row + sum((n - 1) * stride for n, stride in zip(self.shape[1:], self.strides[1:], strict=True))


def tensors(request: bytes) -> list[Tensor]:
    """The tensor of a GET_ALLOC_SIZE, then its ten sources; raises ValueError for a type that is not known."""
    found = [_tensor(fields) for fields in TENSOR.iter_unpack(request[DEVICE.size :])]
    if unknown := [it.type for it in found if it.type not in BLOCKS]:
        raise ValueError(f"it asks for the size of a tensor of type {unknown[0]}, which is not known here")
    return found


def _tensor(fields: tuple[int, ...]) -> Tensor:
    return Tensor(fields[0], fields[1], fields[3:7], fields[7:11], fields[11], fields[15], fields[16])


def on_card(tensor: Tensor, sources: Sequence[Tensor]) -> int:
    """Bytes that ggml-cuda reserves for the tensor."""
    size = tensor.bytes
    if tensor.operation == FLASH_ATTENTION:
        size = _with_copies(size, *sources[:3])
    block = BLOCKS[tensor.type]
    if block.elements > 1 and (over := tensor.shape[0] % _ROW):
        size += (_ROW - over) // block.elements * block.size_bytes
    return size


def _with_copies(size: int, queries: Tensor, keys: Tensor, values: Tensor) -> int:
    """A result of flash attention with the f16 copies that it reads in place of keys and values of another type."""
    if queries.shape[1] <= _FEW_QUERIES:
        return size
    shared = values.view and (values.view == keys.id or (values.view, values.offset) == (keys.view, keys.offset))
    for copied in (keys,) if shared else (keys, values):
        if copied.type != F16:
            size = -(-size // _ALIGNED) * _ALIGNED + 2 * math.prod(copied.shape)
    return size
