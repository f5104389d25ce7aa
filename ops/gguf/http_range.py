"""A part of a file behind HTTP: how it is asked for, and no more of the answer than was."""

import httpx2


def headers(start: int, end: int) -> dict[str, str]:
    """To ask for the bytes from `start` up to `end`, as they are."""
    return {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}


def body(answer: httpx2.Response, count: int) -> bytes:
    """At most `count` bytes: a server that ignores Range would send gigabytes."""
    data = bytearray()
    for chunk in answer.iter_bytes():
        data += chunk
        if len(data) >= count:
            break
    return bytes(data[:count])
