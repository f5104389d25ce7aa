"""Reads the header of a GGUF file (versions 2 and 3): its key-values and its table of tensors, not the tensors.

Source: docs/gguf.md of ggml, and the checks in its gguf.cpp.
"""

import math
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from plan.models.fact_rules import LONGEST_HEADER
from plan.models.ggml_types import BLOCKS
from plan.text.show import plain, show

FIRST_READ_BYTES = 8 << 20
LIMIT_BYTES = LONGEST_HEADER
_COUNT_MAX = 100_000  # of keys, and of tensors: the largest models have some thousands
_TEXTS_MAX = 1 << 21  # of one array: the largest vocabularies have some hundred thousand
_NAME_BYTES = 63  # of a tensor: GGML_MAX_NAME, less the end of a C string
_KEPT_ITEMS = 1024  # an array with a number per layer is kept, one with a score per token is not
_UINT32, _STRING, _ARRAY = 4, 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
# What people take for a GGUF file, by its first bytes.
_OTHERS = {
    b"version https://git-lfs": ", for it is a pointer of Git LFS; git lfs pull puts the file in its place",
    b"<": ", for it is a page, as a portal or a file's own page sends",
    b"PK": ", for it is an archive or a checkpoint of PyTorch",
}
Value = bool | int | float | str | tuple[bool | int | float, ...]


class HeaderError(ValueError):
    """The file has no GGUF header, or one that this code cannot read."""


class _TooShortError(Exception):
    pass


class Tensor(NamedTuple):
    """`shape` in ggml's order, a row's length first; `type` is the name of ggml's type, such as Q4_K."""

    size_bytes: int
    shape: tuple[int, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Header:
    """`pairs`: scalars, strings and short arrays of numbers; `lengths`: of every array; `tensors`: by name.

    `content` is the header's own bytes, from the file's first to where its table of tensors ends.
    """

    pairs: dict[str, Value]
    lengths: dict[str, int]
    tensors: dict[str, Tensor]
    content: bytes = b""


def read_header(read: Callable[[int, int], bytes], size_bytes: int) -> Header:
    """The header of a file of `size_bytes`; `read(start, end)` returns those bytes of it.

    Reads 8 MiB first, then twice as much while the header goes on, at most 64 MiB. Raises HeaderError.
    """
    data, end = bytearray(), FIRST_READ_BYTES
    while True:
        end = min(end, size_bytes, LIMIT_BYTES)
        data += read(len(data), end)
        try:
            return _Reader(data, size_bytes).header()
        except _TooShortError:
            if len(data) < end or end in (size_bytes, LIMIT_BYTES):
                ends = "; the file ends there: copy or download it again" if len(data) == size_bytes else ""
                raise HeaderError(f"the header is not complete in the first {len(data)} bytes{ends}") from None
            end *= 2


def texts(header: Header, key: str) -> tuple[bytes, ...]:
    """The texts of an array in a header that was read, () where it has none of that name."""
    reader = _Reader(bytearray(header.content), sys.maxsize)  # its tensors are in the file, and not in its header
    reader.wanted = key
    if header.lengths.get(key):
        reader.header()
    return tuple(reader.texts)


class _Reader:
    """`texts` are those of the array that is `wanted`: a vocabulary is hundreds of thousands, which few need."""

    def __init__(self, data: bytearray, size_bytes: int) -> None:
        self.data, self.at, self.size_bytes = data, 0, size_bytes
        self.wanted, self.texts = "", list[bytes]()

    def header(self) -> Header:
        if (magic := self.take(4)) != b"GGUF":
            other = next((said for begin, said in _OTHERS.items() if self.data.startswith(begin)), "")
            raise HeaderError(f"it begins with {show(magic.decode('latin-1'))}, not with 'GGUF'{other}")
        _require_version(self.number("I"))
        tensors, pairs = self.number("Q"), self.number("Q")
        if max(tensors, pairs) > _COUNT_MAX:
            raise HeaderError(f"it claims {tensors} tensors and {pairs} keys")
        header = Header({}, {}, {})
        for _ in range(pairs):
            self.pair(header)
        self.table(header, tensors)
        return replace(header, content=bytes(self.data[: self.at]))

    def pair(self, header: Header) -> None:
        key, kind = self.string(), self.number("I")
        if not key or key in header.pairs or key in header.lengths:
            raise HeaderError(f"the key {show(key)} is there twice" if key else "one of its keys has no name")
        if key == "general.alignment" and kind != _UINT32:
            raise HeaderError(f"its alignment is a value of type {kind}, not a whole number of 32 bits")
        if kind != _ARRAY:
            header.pairs[key] = self.string() if kind == _STRING else self.number(self.scalar(kind))
            return
        kind, count = self.number("I"), self.number("Q")
        header.lengths[key] = count
        if kind == _STRING and key == self.wanted:
            self.texts = [self.take(self.number("Q")) for _ in range(count)]
        elif kind == _STRING:
            self.skip_strings(count)
        elif count > _KEPT_ITEMS:
            self.skip(struct.calcsize(f"<{self.scalar(kind)}") * count)
        else:
            form = f"<{count}{self.scalar(kind)}"
            header.pairs[key] = struct.unpack(form, self.take(struct.calcsize(form)))

    def table(self, header: Header, count: int) -> None:
        alignment, end = header.pairs.get("general.alignment", 32), 0
        if not isinstance(alignment, int) or alignment.bit_count() != 1:
            raise HeaderError(f"its alignment is {show(alignment)}, which is no power of 2")
        for _ in range(count):
            name, tensor, offset = self.tensor()
            if name in header.tensors or len(name.encode()) > _NAME_BYTES:
                what = "is there twice" if name in header.tensors else f"has a name of more than {_NAME_BYTES} bytes"
                raise HeaderError(f"tensor {plain(name)} {what}")
            # ggml checks this too. It finds a wrong size before it makes a sum wrong.
            if offset != (expected := _padded(end, alignment)):
                raise HeaderError(f"tensor {plain(name)} begins at {offset}, the one before it ends at {expected}")
            header.tensors[name] = tensor
            end = offset + tensor.size_bytes
        if (needed := _padded(self.at, alignment) + end) > self.size_bytes and count:
            raise HeaderError(f"its tensors need {needed} bytes, the file has {self.size_bytes}")

    def tensor(self) -> tuple[str, Tensor, int]:
        name, dimensions = self.string(), self.number("I")
        if not 1 <= dimensions <= 4:  # GGML_MAX_DIMS
            raise HeaderError(f"tensor {plain(name)} has {dimensions} dimensions")
        shape = tuple(self.number("Q") for _ in range(dimensions))
        kind, offset = self.number("I"), self.number("Q")
        if (block := BLOCKS.get(kind)) is None:
            raise HeaderError(f"tensor {plain(name)} has type id {kind}, which plan/models/ggml_types.py does not know")
        if shape[0] % block.elements:
            raise HeaderError(
                f"tensor {plain(name)} has rows of {shape[0]}, which are not whole blocks of {block.name}"
            )
        return name, Tensor(math.prod(shape) // block.elements * block.size_bytes, shape, block.name), offset

    def scalar(self, kind: int) -> str:
        if kind not in _SCALARS:
            what = "is an array within an array, which llama.cpp refuses" if kind == _ARRAY else "is unknown"
            raise HeaderError(f"value type {kind} at byte {self.at} {what}")
        return _SCALARS[kind]

    def string(self) -> str:
        return self.take(self.number("Q")).decode(errors="replace")

    def number(self, form: str) -> Any:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))[0]

    def take(self, count: int) -> bytes:
        start = self.at
        self.skip(count)
        return bytes(self.data[start : self.at])

    def skip(self, count: int) -> None:
        self.move_to(self.at + count)

    def skip_strings(self, count: int) -> None:
        if count > _TEXTS_MAX:
            raise HeaderError(f"it claims a list of {count} texts")
        length, end, at = struct.Struct("<Q").unpack_from, len(self.data) - 8, self.at
        for _ in range(count):
            if at > end:
                self.move_to(at + 8)
            at += 8 + length(self.data, at)[0]
        self.move_to(at)

    def move_to(self, at: int) -> None:
        if at > LIMIT_BYTES:  # before 64 MiB are read for nothing
            raise HeaderError(f"it is damaged: a length in it leads to byte {at}, a header ends before {LIMIT_BYTES}")
        if at > len(self.data):
            raise _TooShortError
        self.at = at


def _require_version(version: int) -> None:
    if version in (2, 3):
        return
    if version == 1:
        raise HeaderError("it is of GGUF version 1, which llama.cpp reads no longer: convert the model again")
    big = "; it is a big-endian file, and the cluster's machines are not" if version and not version & 0xFFFF else ""
    raise HeaderError(f"GGUF version {version} is unknown{big}")


def _padded(at: int, alignment: int) -> int:
    return -(-at // alignment) * alignment
