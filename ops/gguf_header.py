"""Key-value pairs from the start of a GGUF file (versions 2 and 3), read as far as they are needed and no further.

Source: ggml docs/gguf.md. Tensors are not read. Arrays are skipped: vocabularies have megabytes, no fact.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any

FIRST_READ_BYTES = 8 << 20
LIMIT_BYTES = 64 << 20
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


class HeaderError(ValueError):
    """Not a GGUF header that we can read."""


class _TooShortError(Exception):
    pass


def read_facts(read: Callable[[int], bytes], wanted: Callable[[dict[str, Any]], Iterable[str]]) -> dict[str, Any]:
    """Scalars and strings of the header, until all keys that `wanted(found so far)` names are there or it ends.

    `read(n)` returns the file's first n bytes, or all it has; asked for more, up to 64 MiB, while the header goes on.
    Raises HeaderError.
    """
    size = FIRST_READ_BYTES
    while True:
        data = read(size)
        try:
            return _Reader(data).pairs(wanted)
        except _TooShortError:
            if len(data) < size or size >= LIMIT_BYTES:
                raise HeaderError(f"the header is not complete in the first {len(data)} bytes") from None
            size = min(2 * size, LIMIT_BYTES)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def pairs(self, wanted: Callable[[dict[str, Any]], Iterable[str]]) -> dict[str, Any]:
        if self.take(4) != b"GGUF":
            raise HeaderError(f"it begins with {self.data[:4]!r}, not with b'GGUF'")
        version, _, count = self.number("<I"), self.number("<Q"), self.number("<Q")
        if version not in (2, 3):
            raise HeaderError(f"GGUF version {version} is unknown (a big-endian file, perhaps)")
        found: dict[str, Any] = {}
        for _ in range(count):
            if all(key in found for key in wanted(found)):
                break
            key = self.string()
            if (value := self.value(self.number("<I"))) is not None:
                found[key] = value
        return found

    def value(self, kind: int) -> Any:
        """One value; None for an array, which is skipped."""
        if kind == _ARRAY:
            item, count = self.number("<I"), self.number("<Q")
            if item in _SCALARS:
                self.skip(struct.calcsize(_SCALARS[item]) * count)
            else:
                for _ in range(count):
                    self.value(item)
            return None
        if kind == _STRING:
            return self.string()
        if kind not in _SCALARS:
            raise HeaderError(f"value type {kind} at byte {self.at} is unknown")
        return self.number(_SCALARS[kind])

    def string(self) -> str:
        return self.take(self.number("<Q")).decode(errors="replace")

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def take(self, count: int) -> bytes:
        start = self.at
        self.skip(count)
        return self.data[start : self.at]

    def skip(self, count: int) -> None:
        if self.at + count > len(self.data):
            raise _TooShortError
        self.at += count
