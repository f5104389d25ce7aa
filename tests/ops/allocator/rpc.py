"""A client of llama.cpp's RPC protocol, as far as llama-server asks a device before it loads anything."""

import socket
import struct
from types import TracebackType
from typing import Any, Self

from ops.allocator import sizes

ALLOC_BUFFER, GET_ALIGNMENT, GET_MAX_SIZE, GET_BASE, FREE_BUFFER, CLEAR, SET_TENSOR = range(7)
GET_DEVICE_MEMORY, GET_ALLOC_SIZE, HELLO, DEVICE_COUNT = 11, 13, 14, 15


class Client:
    """One connection; `ask` returns the answer's content, b"" where the device has hung up."""

    def __init__(self, address: str) -> None:
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.socket.close()

    def send(self, command: int, content: bytes = b"", length: int | None = None) -> None:
        self.socket.sendall(struct.pack("<BQ", command, len(content) if length is None else length) + content)

    def ask(self, command: int, content: bytes = b"") -> bytes:
        self.send(command, content)
        head = self.take(8)
        return self.take(struct.unpack("<Q", head)[0]) if head else b""

    def take(self, count: int) -> bytes:
        data = b""
        while len(data) < count and (more := self.socket.recv(count - len(data))):
            data += more
        return data

    def greet(self) -> bytes:
        return self.ask(HELLO, bytes(24))


def tensor(kind: int, *shape: int, **how: Any) -> bytes:
    """A tensor as the client writes it, whole rows one after another."""
    lengths = [*shape, 1, 1, 1][:4]
    elements, size = {0: (1, 4), 1: (1, 2), 8: (32, 34), 12: (256, 144)}.get(kind, (1, 4))
    strides = [size, lengths[0] // elements * size]
    strides += [strides[1] * lengths[1], strides[1] * lengths[1] * lengths[2]]
    return sizes.TENSOR.pack(
        how.get("id", 1), kind, 0, *lengths, *strides, how.get("operation", 0), b"", 0, b"", how.get("view", 0),
        how.get("offset", 0), 0, how.get("name", b""), 0,
    )  # fmt: skip


def size_request(asked: bytes, *sources: bytes) -> bytes:
    nothing = bytes(sizes.TENSOR.size)
    return struct.pack("<I", 0) + asked + b"".join([*sources, *[nothing] * (sizes.SOURCES - len(sources))])
