"""The cluster's API server, asked as the pod's service account: JSON in, JSON out, one request at a time.

Its token goes to the one address that the pod was told, so no redirect is followed and no proxy asked.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

from pods.core import json_text
from pods.core.bearer import flaw
from pods.core.report import printable

_TOKEN_LENGTH, _REASON_LENGTH = 1 << 16, 500
_ANSWER_BYTES = 4 << 20  # a list of a hundred nodes; what JSON takes in memory is thirty times as much at worst
_LONGEST_REST_S = 60
CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"


class ApiError(Exception):
    """The API server did not do it; `code` is the HTTP status, 0 where there was no answer; `rest_s` as it asked."""

    def __init__(self, code: int, what: str, rest_s: float = 0.0) -> None:
        super().__init__(what)
        self.code, self.rest_s = code, rest_s


class ClusterApi:
    """`url` and `credentials` (a directory with token and ca.crt) are the pod's own unless said."""

    def __init__(self, url: str = "", credentials: str = CREDENTIALS, timeout_s: float = 10.0) -> None:
        self._url, self._credentials, self._timeout_s = url or _own_url(), credentials, timeout_s

    def request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """What it answers; a body is a merge patch (RFC 7386), in which a key may have any sign. Raises ApiError."""
        data, token = None if body is None else json.dumps(body).encode(), self._token()
        headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
        headers["Authorization"] = f"Bearer {token}"
        began_s = time.monotonic()
        try:
            with _limited(self._connection(), self._timeout_s) as connection:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                content = answer.read(_ANSWER_BYTES + 1)
            if 200 <= answer.status < 300:
                if len(content) > _ANSWER_BYTES:
                    raise ValueError(f"it has more than {_ANSWER_BYTES >> 20} MiB")
                return json_text.parse(content)
        # A certificate that is not of this cluster is an OSError too; half an answer is neither.
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = time.monotonic() - began_s >= self._timeout_s
            reason = f"none within {self._timeout_s:g} s" if late else str(error) or type(error).__name__
            raise ApiError(0, f"no usable answer from {self._url}: {_shown(reason, token)}") from None
        raise ApiError(answer.status, _shown(_reason(answer, content), token), _rest_s(answer))

    def _token(self) -> str:
        """Read anew for each request: the kubelet replaces a token long before it ends."""
        path = os.path.join(self._credentials, "token")
        try:
            with open(path, errors="replace") as source:
                token = source.read(_TOKEN_LENGTH).strip()
        except (OSError, ValueError) as error:
            raise ApiError(0, f"the token of this pod's ServiceAccount cannot be read: {error}") from None
        if wrong := flaw(token) or ("" if token else "nothing in it"):
            raise ApiError(0, f"the token of this pod's ServiceAccount has {wrong}")
        return token

    def _connection(self) -> http.client.HTTPConnection:
        if not self._url:
            raise ValueError("KUBERNETES_SERVICE_HOST is not set, which it is in every pod")
        to = urlsplit(self._url)
        host, port = to.hostname or "", to.port
        if to.scheme == "http":
            return http.client.HTTPConnection(host, port or 80, timeout=self._timeout_s)
        authority = os.path.join(self._credentials, "ca.crt")
        if not os.path.exists(authority):
            raise ValueError(f"there is no {authority}, which says whom to trust")
        trusted = ssl.create_default_context(cafile=authority)
        # Clusters have certificates that Python 3.13 calls incomplete, such as a CA's without a key usage.
        trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return http.client.HTTPSConnection(host, port or 443, timeout=self._timeout_s, context=trusted)


@contextlib.contextmanager
def _limited(connection: http.client.HTTPConnection, limit_s: float) -> Generator[http.client.HTTPConnection]:
    """One time limit for all of it: each byte of a trickle starts that of the socket anew."""
    socks = list[socket.socket]()

    def end() -> None:
        if sock := socks[0] if socks else connection.sock:
            with contextlib.suppress(OSError):  # of the plain socket, under what TLS makes of it
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    watch = threading.Timer(limit_s, end)
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        socks.append(connection.sock)  # after the answer's headers the connection may have let go of it
        yield connection
    finally:
        watch.cancel()
        connection.close()


def _own_url() -> str:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT_HTTPS", "443")
    return (f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}") if host else ""


def _reason(answer: http.client.HTTPResponse, content: bytes) -> str:
    """What a refusal says itself."""
    if 300 <= answer.status < 400:
        return "it redirects, which is not followed: the token would go along; is that the API server?"
    try:
        return str(json_text.parse(content[: 1 << 16])["message"])
    except (ValueError, KeyError):
        return answer.reason


def _rest_s(answer: http.client.HTTPResponse) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_REST_S) if re.fullmatch("[0-9]{1,20}", asked) else 0.0


def _shown(said: str, token: str) -> str:
    """Short, on one line, and without the token, whoever repeats it."""
    return printable(said.replace(token, "...")[:_REASON_LENGTH])
