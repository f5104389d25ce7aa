"""Opens a GGUF file on this machine or behind a URL, and reads parts of it without fetching all."""

import os
import re
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx2

from ops.base import files, network
from ops.base.errors import OpsError, reason, unreachable
from ops.base.hub_address import hub_address
from ops.base.token import HF_TOKEN, token
from ops.base.waiting import waiting
from ops.gguf import byte_ranges
from ops.gguf.byte_ranges import Read
from ops.gguf.file_names import siblings
from ops.gguf.header import FIRST_READ_BYTES
from plan.text.show import plain, show
from plan.text.url import Url, parse_url

_TIMEOUT_S = 30
_NAME_ONE = "name a .gguf file, or the http(s) URL of one"
_REFUSED = {
    401: "set HF_TOKEN to a token that may read it",
    403: "accept its licence there, and set HF_TOKEN to a token that may read it",
    416: "download it, and name the file",
    451: "name another file: this one may not be handed out",
    404: "correct the name; the hub's files are at /OWNER/NAME/resolve/REVISION/FILE",
}


@dataclass(frozen=True, slots=True)
class GgufFile:
    """One file. `name` is for messages and holds no secret; `read(start, end)` returns the bytes of that range."""

    name: str
    size_bytes: int
    read: Read


def sources(place: str, answer_s: float = network.ANSWER_S) -> list[GgufFile]:
    """The file at `place`, or all parts of the split model that it belongs to, in order; raises OpsError.

    Each answer of a server is whole within `answer_s`.
    """
    if not re.match("(?i)https?:", place):
        return [_local(Path(name)) for name in siblings(place)]
    network.settle()
    try:
        url = parse_url(place)
    except ValueError as error:
        raise OpsError(f"{show(place.partition('?')[0])} is not usable: {error}", "correct the URL") from None
    return [_remote(replace(url, path=path), answer_s) for path in siblings(url.path)]


def _local(file: Path) -> GgufFile:
    try:
        with files.opened(file) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise OpsError(f"{plain(str(file))} is a pipe or a device, not a file", _NAME_ONE)
            return GgufFile(str(file), opened.seek(0, os.SEEK_END), partial(byte_ranges.of_file, file))
    except (OSError, ValueError) as error:  # a ValueError for a NUL in the name
        raise OpsError(f"{plain(str(file))}: {reason(error)}", _NAME_ONE) from None


def _remote(url: Url, answer_s: float) -> GgufFile:
    """A file on a server that answers range requests; the first answer says its size."""
    name = url.place

    def get(start: int, end: int) -> tuple[bytes, int]:
        with _explained(name):
            return network.within(answer_s, lambda: _get(url, name, start, end))

    first, size_bytes = get(0, FIRST_READ_BYTES)

    def read(start: int, end: int) -> bytes:
        if end <= len(first):
            return first[start:end]
        data, size_now = get(start, end)
        if size_now != size_bytes:
            raise OpsError(f"{name} changed while it was read", "run it again")
        return data

    return GgufFile(name, size_bytes, read)


def _get(url: Url, name: str, start: int, end: int) -> tuple[bytes, int]:
    """Bytes from `start` on, to `end` or the file's end, and the file's size."""
    headers = {**_identity(url), **byte_ranges.headers(start, end)}
    # The client drops the token at a redirect to another origin.
    with (
        waiting(name),
        httpx2.stream("GET", url.text, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as answer,
    ):
        size_bytes = _size(answer, name, start)
        return byte_ranges.body(answer, end - start), size_bytes


def _size(answer: httpx2.Response, name: str, start: int) -> int:
    if answer.status_code >= 400:
        fix = _REFUSED.get(answer.status_code, "try again in a few minutes")
        raise OpsError(f"{name} answered HTTP {answer.status_code}", fix)
    page = "; the page of a file has /blob/ where the file has /resolve/" if "/blob/" in name else ""
    if answer.status_code != 206:
        raise OpsError(
            f"{name} is not sent in parts (HTTP {answer.status_code})",
            f"download it, and name the file{page}",
        )
    found = byte_ranges.part(answer)
    if not found or found[0] != start:
        raise OpsError(f"{name} sends another part than it was asked for", "download it, and name the file")
    return found[1]


def _identity(url: Url) -> dict[str, str]:
    """The token of the environment, sent to the hub and to no other server, as `ops lock` does it."""
    secret = token(HF_TOKEN) if url.origin == hub_address().origin else ""
    if secret:
        network.require_private(url.text)
    return {"Authorization": f"Bearer {secret}"} if secret else {}


@contextmanager
def _explained(name: str) -> Generator[None]:
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise unreachable(name, error, "check the URL") from None
