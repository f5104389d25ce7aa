"""The cluster's API server, asked as the pod's service account: JSON in, JSON out, one request at a time."""

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from typing import Any

from pods.core import json_text
from pods.core.bearer import flaw

_TOKEN_LENGTH, _MESSAGE_BYTES = 1 << 16, 1 << 16
CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"


class ApiError(Exception):
    """The API server did not do it; `code` is the HTTP status, 0 where there was no answer."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


class ClusterApi:
    """`url` and `credentials` (a directory with token and ca.crt) are the pod's own unless said."""

    def __init__(self, url: str = "", credentials: str = CREDENTIALS, timeout_s: float = 10.0) -> None:
        self._url, self._credentials, self._timeout_s = url or _own_url(), credentials, timeout_s

    def request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """What it answers; a body is a merge patch (RFC 7386), in which a key may have any sign. Raises ApiError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
        try:
            # Read anew for each request: the kubelet replaces a token long before it ends.
            with open(os.path.join(self._credentials, "token"), errors="replace") as source:
                token = source.read(_TOKEN_LENGTH).strip()
            if wrong := flaw(token):
                raise ApiError(0, f"the token of this pod's ServiceAccount has {wrong}")
            headers["Authorization"] = f"Bearer {token}"
            request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - one address
            with self._opener().open(request, timeout=self._timeout_s) as answer:
                return json_text.parse(answer.read(json_text.LIMIT_BYTES + 1))
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(error.code, _message(error)) from None
        # A certificate that is not of this cluster is an OSError too; half an answer is neither.
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise ApiError(0, f"no usable answer from {self._url}: {reason!r}") from None

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]  # no proxy is on the way to it
        if self._url.startswith("https:"):
            trusted = ssl.create_default_context(cafile=os.path.join(self._credentials, "ca.crt"))
            # Clusters have certificates that Python 3.13 calls incomplete, such as a CA's without a key usage.
            trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT
            handlers.append(urllib.request.HTTPSHandler(context=trusted))
        return urllib.request.build_opener(*handlers)


def _own_url() -> str:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT_HTTPS", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json_text.parse(error.read(_MESSAGE_BYTES))["message"])[:500]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return str(error.reason)
