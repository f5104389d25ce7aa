"""Requests to the model hub and to wherever it redirects: Range, the token, and what an answer means for a download.

The token goes to the endpoint's own origin and nowhere else. Knows nothing of volumes.
"""

import contextlib
import email.utils
import html
import random
import re
import string
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from pods.core.bearer import flaw
from pods.core.report import ExitError, say
from pods.fetch.connection import Origin, Routes, origin
from pods.fetch.manifest import File, Manifest
from pods.fetch.wire import Answer, RetryError, Wire, shown

LONGEST_PAUSE_S = 300  # the hub's rate limits are counted over five minutes
_REASON_BYTES, _REASON_LENGTH = 2048, 160
# A file of weights is none of these, but a server may call it text/plain: only with another size it is a page.
_PAGE = re.compile(r"text/|application/(json|xml|xhtml)", re.IGNORECASE)
_COMPRESSED = re.compile(r"\b(gzip|deflate|compress|br|zstd)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE, _TOTAL = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/"), re.compile(r"^bytes .*/([0-9]{1,18})$")
T = TypeVar("T")


class Hub:
    """Requests to the endpoint and to wherever it redirects; the token goes to the endpoint's own origin only."""

    def __init__(self, manifest: Manifest, token: str, routes: Routes) -> None:
        if wrong := flaw(token):
            raise ExitError(77, f"HF_TOKEN has {wrong}; store the bare token in the Secret")
        self._origin, self._token = _origin(manifest.endpoint), token
        self._wire = Wire(manifest.stall_s, manifest.floor_bytes_s, routes.open)
        if proxy := routes.proxy(self._origin):
            say("proxy", endpoint=manifest.endpoint, proxy=proxy.place)
            if token and self._origin.scheme == "http":
                what = f"over http:// the proxy {proxy.place} would read HF_TOKEN"
                raise ExitError(77, f"{what}: use an https:// endpoint, or name its host in fetch.no_proxy")

    def close(self) -> None:
        """End what connections are kept for a next request."""
        self._wire.close()

    def get(self, url: str, first: int, last: int) -> Answer:
        """GET bytes first..last, whatever the status; follows nothing; raises RetryError when no answer comes."""
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity", "User-Agent": "local-llm-fetch/1"}
        if self._token and _origin(url) == self._origin:
            headers["Authorization"] = f"Bearer {self._token}"
        return self._wire.get(url, headers)

    def resolve(self, url: str, file: File) -> tuple[str, bool]:
        """Follow redirects to the bytes: (address, does it serve ranges); ExitError 65 when the hub has others."""
        start = url
        for _ in range(6):
            with self.get(url, 0, 0) as answer:
                etag = answer.headers.get("X-Linked-Etag", "").strip('W/"')
                if re.fullmatch("[0-9a-f]{64}", etag) and etag != file.sha256 and _origin(url) == self._origin:
                    raise ExitError(65, f"{shown(url)}: the hub has sha256 {etag}, locked is {file.sha256}")
                if answer.status not in (301, 302, 303, 307, 308):
                    self.judge(answer, url, file, first=url == start)
                    return url, answer.status == 206
                url = _target(url, answer.headers.get("Location", ""))
                if _origin(url).scheme not in {"https", self._origin.scheme}:
                    raise ExitError(69, f"redirected to {shown(url)}, which is not https")
        raise ExitError(69, f"{shown(url)}: too many redirects")

    def judge(self, answer: Answer, url: str, file: File, first: bool) -> None:
        """Return when bytes of the file follow; else raise RetryError, or ExitError where a retry ends the same way.

        `first`: it is the address at the endpoint itself. Where that redirects to, storage lets addresses expire, and
        what it refuses says nothing about the file: another address is asked for.
        """
        status, kind = answer.status, answer.headers.get("Content-Type", "")
        total = _total(answer)
        if status in (200, 206) and (odd := _odd_form(answer, kind)):
            raise RetryError(f"{shown(url)}: the bytes came {odd}, which nobody asked for", moved=True)
        if status == 200 and total != file.size and _PAGE.match(kind):
            what = f"{shown(url)}: a page came instead of the file ({_plain(kind)}){_reason(answer, url, self._token)}"
            raise RetryError(what, moved=True)
        if status in (200, 206, 416) and total not in (None, file.size):
            raise ExitError(65, f"{file.path}: {total} bytes at the hub, {file.size} in the lock")
        if status in (200, 206):
            return
        what = f"{shown(url)}: HTTP {status}{_reason(answer, url, self._token)}"
        if status in (408, 425, 429) or not 200 <= status < 500:
            raise RetryError(what, asked_pause_s(answer.headers), moved=not first)
        if not first or status == 416 or status < 400:  # redirects may begin in the middle of a download
            raise RetryError(what, moved=True)
        if status in (401, 403):
            hint = "HF_TOKEN has no access" if self._token else "accept the licence at the hub and set HF_TOKEN"
            raise ExitError(77, f"{what}: not allowed (or no such repository); {hint}")
        raise ExitError(66 if status in (404, 410) else 69, what)


def _origin(url: str) -> Origin:
    return origin(urlsplit(url))


def _target(url: str, location: str) -> str:
    """Where a redirect leads."""
    try:  # http.client reads headers as Latin-1, whatever they were: quoting gives back the bytes
        return quote(urljoin(url, location), safe=string.punctuation, encoding="latin-1")
    except ValueError:  # an address in brackets that is none
        raise ExitError(69, f"{shown(url)}: redirected to what is no address of a web server") from None


def _odd_form(answer: Answer, kind: str) -> str:
    """In which form the body has other bytes than the file; "" where it has the file's."""
    if found := _COMPRESSED.search(answer.headers.get("Content-Encoding", "")):
        return f"compressed ({found[0]})"
    return "in several parts (multipart)" if kind.lower().startswith("multipart/") else ""


def first_byte(answer: Answer, url: str) -> int:
    """Where in the file the body begins; raises RetryError where a part does not say."""
    if answer.status == 200:
        return 0
    if found := _RANGE.match(answer.headers.get("Content-Range", "")):
        return int(found[1])
    raise RetryError(
        f"{shown(url)}: HTTP 206 does not say which part of the file it brings (no Content-Range)", moved=True
    )


def _total(answer: Answer) -> int | None:
    """The size of the whole file, where the answer tells."""
    if found := _TOTAL.search(answer.headers.get("Content-Range", "")):
        return int(found[1])
    length = answer.headers.get("Content-Length", "")
    return int(length) if answer.status == 200 and _NUMBER.fullmatch(length) else None


def _reason(answer: Answer, url: str, token: str) -> str:
    """What the server itself says: the hub's code, else a short piece of the body; no markup, no credential."""
    code, body = answer.headers.get("X-Error-Code", ""), b""
    with contextlib.suppress(RetryError):
        while len(body) < _REASON_BYTES and (data := answer.read(_REASON_BYTES)):
            body += data
    text = body.decode(errors="replace")
    for secret in (token, urlsplit(url).query):
        text = text.replace(secret, "...") if secret else text
    # S3, GCS and Azure: what else is in their XML repeats the signature.
    parts = re.findall(r"<(?:Code|Message|title)>([^<]*)<", text, re.IGNORECASE)
    said = ": ".join(parts) if parts or "<" in text else text
    said = _plain(" ".join(html.unescape(said).split()))
    return f" {_plain(code)}" if code else f": {said!r}" if said else ""


def _plain(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)[:_REASON_LENGTH]


def asked_pause_s(headers: Any) -> float | None:
    value = headers.get("Retry-After", "")
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return float(value) if value.isdigit() else email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    limit = re.search(r";\s*t=(\d{1,9})\b", headers.get("RateLimit", ""))
    return float(limit[1]) if limit else None


def persist(manifest: Manifest, step: Callable[[], T], got: Callable[[], int] = lambda: 0, worth: int = 1) -> T:
    """Repeat `step` while it raises RetryError; ExitError 69 after `attempts` failures without `worth` new bytes."""
    failures, seen = 0, got()
    while True:
        try:
            return step()
        except RetryError as error:
            failures += 1
            if (now := got()) - seen >= worth:
                failures, seen = 1, now
            if failures >= manifest.attempts:
                raise ExitError(69, f"{error}; gave up after {failures} attempts") from None
            pause_s = min(60, manifest.backoff_s * 2 ** (failures - 1)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            if error.after_s is not None:  # a moment later than asked: the limit's window may be rounded
                pause_s += min(max(error.after_s, 0), LONGEST_PAUSE_S)
            say("retry", reason=str(error), attempt=failures, pause_s=round(pause_s, 1))
            time.sleep(pause_s)
