"""Parts of a file, on this machine or behind HTTP: a header is read without the rest of its file."""

from collections.abc import Callable
from pathlib import Path

import httpx2

Read = Callable[[int, int], bytes]  # the bytes of one file from a start up to an end


def of_file(file: Path, start: int, end: int) -> bytes:
    """The bytes of a file on this machine; raises OSError."""
    with file.open("rb") as opened:
        opened.seek(start)
        return opened.read(end - start)


def headers(start: int, end: int) -> dict[str, str]:
    """The headers of a request for the bytes from `start` up to `end`, uncompressed."""
    return {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}


def body(answer: httpx2.Response, count: int) -> bytes:
    """At most `count` bytes: a server that ignores Range would send gigabytes."""
    data = bytearray()
    for chunk in answer.iter_bytes():
        data += chunk
        if len(data) >= count:
            break
    return bytes(data[:count])
