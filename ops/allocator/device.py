"""A device of llama.cpp's RPC backend that only pretends: it claims memory without end, says how much each tensor would
take of a CUDA card, and keeps nothing. No model can be loaded onto it.

Source: llama.cpp 0c1e57098, ggml/src/ggml-rpc/ggml-rpc.cpp: a request is a byte for the command, eight for a length and
so many more; an answer is eight for a length and so many more. The version is in ggml/include/ggml-rpc.h.
"""

import itertools
import socketserver
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from ops.allocator import sizes

PROTOCOL = (7, 0, 0)
_CAPABILITIES = 24  # bytes about faster ways than TCP; this has none
_MEMORY_BYTES = 1 << 40
_NAMES = 1 << 20
_ALIGNMENT = 128  # ggml_backend_cuda_buffer_type_get_alignment
_LONGEST = 1 << 20  # bytes of a request: what is longer carries weights
_SILENCE_S = 60
_ALLOC_BUFFER, _GET_ALIGNMENT, _GET_MAX_SIZE, _GET_BASE, _GET_DEVICE_MEMORY = 0, 1, 2, 3, 11
_GET_ALLOC_SIZE, _HELLO, _DEVICE_COUNT = 13, 14, 15
_UNANSWERED = (4, 5, 6, 12, 17)  # buffers are freed, cleared and filled, tensors begun
_HEAD, _NUMBER = struct.Struct("<BQ"), struct.Struct("<Q")


class UnknownClientError(ValueError):
    """What has connected does not speak this version of the protocol."""


class Device(socketserver.ThreadingTCPServer):
    """The device, listening on a port of loopback that the system chose.

    `flaw` is what the last client did that no client of this protocol does; `allocated` are bytes of all buffers.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.flaw, self.allocated = "", 0
        self._buffers = itertools.count(1)

    @property
    def address(self) -> str:
        """As --rpc takes it."""
        host, port = cast("tuple[str, int]", self.server_address)
        return f"{host}:{port}"

    def answer(self, command: int, content: bytes) -> bytes | None:
        """The content of the answer, None for a command that has none; raises UnknownClientError."""
        if command in _UNANSWERED:
            return None
        if len(content) != _LENGTHS.get(command):
            raise UnknownClientError(f"it sends the command {command} with {len(content)} bytes")
        if command == _GET_ALLOC_SIZE:
            return _NUMBER.pack(_size(content))
        if command == _ALLOC_BUFFER:
            (size,) = _NUMBER.unpack(content[-_NUMBER.size :])
            self.allocated += size
            return _NUMBER.pack(next(self._buffers)) + _NUMBER.pack(size)
        if command == _GET_BASE:  # an address by the buffer's name, where nothing is ever read or written
            return _NUMBER.pack(_NUMBER.unpack(content)[0] % _NAMES * _MEMORY_BYTES)
        return _FIXED[command]


# Bytes of each request that is answered, and the answers that are always the same.
_LENGTHS = {
    _ALLOC_BUFFER: 12,
    _GET_ALIGNMENT: 4,
    _GET_MAX_SIZE: 4,
    _GET_BASE: 8,
    _GET_DEVICE_MEMORY: 4,
    _GET_ALLOC_SIZE: sizes.REQUEST_BYTES,
    _HELLO: _CAPABILITIES,
    _DEVICE_COUNT: 0,
}
_FIXED = {
    _HELLO: bytes([*PROTOCOL, 0]) + bytes(_CAPABILITIES),
    _DEVICE_COUNT: struct.pack("<I", 1),
    _GET_DEVICE_MEMORY: _NUMBER.pack(_MEMORY_BYTES) * 2,
    _GET_ALIGNMENT: _NUMBER.pack(_ALIGNMENT),
    _GET_MAX_SIZE: _NUMBER.pack(_MEMORY_BYTES),
}


def _size(content: bytes) -> int:
    try:
        tensor, *sources = sizes.tensors(content)
    except ValueError as error:
        raise UnknownClientError(str(error)) from None
    return sizes.on_card(tensor, sources)


class _Connection(socketserver.StreamRequestHandler):
    timeout = _SILENCE_S
    disable_nagle_algorithm = True

    def handle(self) -> None:
        device, greeted = cast("Device", self.server), False
        try:
            while len(head := self.rfile.read(_HEAD.size)) == _HEAD.size:
                command, length = _HEAD.unpack(head)
                if length > _LONGEST or (command == _HELLO) is greeted:
                    raise UnknownClientError(f"it sends the command {command} with {length} bytes, or out of turn")
                greeted = True
                said = device.answer(command, self.rfile.read(length))
                if said is not None:
                    self.wfile.write(_NUMBER.pack(len(said)) + said)
        except UnknownClientError as error:
            device.flaw = str(error)
        except OSError:  # it was stopped, or says nothing any more
            return


@contextmanager
def device() -> Generator[Device]:
    """A device that lives as long as the block."""
    with Device() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
