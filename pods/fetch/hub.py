"""Requests to the model hub: Range, redirects by hand, which answers are worth another try, and the pause before it.

The token goes to the endpoint's own origin and nowhere else. Knows nothing of files or volumes.
"""

import contextlib
import email.utils
import http.client
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
from pods.fetch.manifest import Manifest

LONGEST_PAUSE_S = 300  # the hub's rate limits are counted over five minutes
T = TypeVar("T")


class RetryError(Exception):
    """This attempt failed, another may succeed; `after_s` as the server asked. `moved`: ask for the address again."""

    def __init__(self, what: str, after_s: float | None = None, moved: bool = False) -> None:
        super().__init__(what)
        self.after_s, self.moved = after_s, moved


class Hub:
    """Requests to the endpoint and to wherever it redirects; the token goes to the endpoint's own origin only."""

    def __init__(self, manifest: Manifest, token: str, routes: Routes) -> None:
        if wrong := flaw(token):
            raise ExitError(77, f"HF_TOKEN has {wrong}; store the bare token in the Secret")
        self._origin, self._token, self._stall_s = _origin(manifest.endpoint), token, manifest.stall_s
        self._routes = routes
        if proxy := routes.proxy(self._origin):
            say("proxy", endpoint=manifest.endpoint, proxy=proxy.place)
            if token and self._origin.scheme == "http":
                what = f"over http:// the proxy {proxy.place} would read HF_TOKEN"
                raise ExitError(77, f"{what}: use an https:// endpoint, or name its host in fetch.no_proxy")

    def get(self, url: str, first: int, last: int) -> Any:
        """GET bytes first..last, whatever the status; follows nothing; raises RetryError when no answer comes."""
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity", "User-Agent": "local-llm-fetch/1"}
        if self._token and self.owns(url):
            headers["Authorization"] = f"Bearer {self._token}"
        parts = urlsplit(url)
        connection, whole = self._routes.open(parts, self._stall_s)
        try:
            target = f"{whole}{parts._replace(scheme='', netloc='', path=parts.path or '/', fragment='').geturl()}"
            connection.request("GET", target, headers={**headers, "Connection": "close"})
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise RetryError(f"{_shown(url)}: {error}") from None

    def resolve(self, url: str, sha256: str) -> tuple[str, bool]:
        """Follow redirects to the bytes: (address, does it serve ranges); ExitError 65 when the hub has others."""
        for _ in range(6):
            with self.get(url, 0, 0) as answer:
                etag = answer.headers.get("X-Linked-Etag", "").strip('W/"')
                if re.fullmatch("[0-9a-f]{64}", etag) and etag != sha256 and self.owns(url):
                    raise ExitError(65, f"{_shown(url)}: the hub has sha256 {etag}, locked is {sha256}")
                if answer.status not in (301, 302, 303, 307, 308):
                    self.judge(answer, url)
                    return url, answer.status == 206
                url = _target(url, answer.headers.get("Location", ""))
                if _origin(url).scheme not in {"https", self._origin.scheme}:
                    raise ExitError(69, f"redirected to {_shown(url)}, which is not https")
        raise ExitError(69, f"{_shown(url)}: too many redirects")

    def owns(self, url: str) -> bool:
        return _origin(url) == self._origin

    def judge(self, answer: Any, url: str) -> None:
        """Raise RetryError or ExitError unless the status is 200 or 206."""
        status, reason = answer.status, answer.headers.get("X-Error-Code", "")
        what = f"{_shown(url)}: HTTP {status} {reason}".rstrip()
        if status in (200, 206):
            return
        if status in (408, 425, 429) or status >= 500:
            raise RetryError(what, _asked_pause_s(answer.headers))
        if status == 416:
            raise ExitError(65, f"{what}: the file there is shorter than locked")
        if not self.owns(url):  # a signed address expires; the hub gives a new one
            raise RetryError(what, moved=True)
        if status in (401, 403):
            hint = "accept the licence at the hub and set HF_TOKEN" if not self._token else "HF_TOKEN has no access"
            raise ExitError(77, f"{what}: not allowed (or no such repository); {hint}")
        raise ExitError(66 if status in (404, 410) else 69, what)


def _origin(url: str) -> Origin:
    return origin(urlsplit(url))


def _target(url: str, location: str) -> str:
    """Where a redirect leads."""
    try:  # http.client reads headers as Latin-1, whatever they were: quoting gives back the bytes
        return quote(urljoin(url, location), safe=string.punctuation, encoding="latin-1")
    except ValueError:  # an address in brackets that is none
        raise ExitError(69, f"{_shown(url)}: redirected to what is no address of a web server") from None


def _shown(url: str) -> str:
    parts = urlsplit(url)  # whose query may be a signature, and which may name a user and a password
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _asked_pause_s(headers: Any) -> float | None:
    value = headers.get("Retry-After", "")
    with contextlib.suppress(ValueError, TypeError):
        return float(value) if value.isdigit() else email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    limit = re.search(r";\s*t=(\d+)", headers.get("RateLimit", ""))
    return float(limit[1]) if limit else None


def persist(manifest: Manifest, step: Callable[[], T], got: Callable[[], int] = lambda: 0) -> T:
    """Repeat `step` while it raises RetryError; ExitError 69 after `attempts` failures in a row without a new byte."""
    failures, seen = 0, got()
    while True:
        try:
            return step()
        except RetryError as error:
            failures = failures + 1 if got() == seen else 1
            seen = got()
            if failures >= manifest.attempts:
                raise ExitError(69, f"{error}; gave up after {failures} attempts") from None
            pause_s = min(60, manifest.backoff_s * 2 ** (failures - 1)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            if error.after_s is not None:  # a moment later than asked: the limit's window may be rounded
                pause_s += min(max(error.after_s, 0), LONGEST_PAUSE_S)
            say("retry", reason=str(error), attempt=failures, pause_s=round(pause_s, 1))
            time.sleep(pause_s)
