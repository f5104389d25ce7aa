"""Parts of a file, on this machine or behind HTTP: a header is read without the rest of its file."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx2

from ops.base import files

Read = Callable[[int, int], bytes]  # the bytes of one file from a start up to an end


def of_file(file: Path, start: int, end: int) -> bytes:
    """The bytes of a file on this machine; raises OSError."""
    with files.opened(file) as opened:
        opened.seek(start)
        return opened.read(end - start)


def headers(start: int, end: int) -> dict[str, str]:
    """The headers of a request for the bytes from `start` up to `end`, uncompressed."""
    return {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}


def part(answer: httpx2.Response) -> tuple[int, int] | None:
    """Where the part of a file begins that an answer is, and how long the whole file; None where it is no part."""
    said = answer.headers.get("Content-Range", "") if answer.status_code == 206 else ""
    found = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})", said)
    return (int(found[1]), int(found[2])) if found else None


def body(answer: httpx2.Response, count: int) -> bytes:
    """At most `count` bytes: a server that ignores Range would send gigabytes."""
    data = bytearray()
    for chunk in answer.iter_bytes():
        data += chunk
        if len(data) >= count:
            break
    return bytes(data[:count])
