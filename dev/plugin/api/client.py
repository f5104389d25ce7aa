"""HTTP to the Kubernetes API server: connections kept alive, the standard library only.

The `kubernetes` package is not used: importing it costs a second, more than a whole preview.
"""

import builtins
import contextlib
import http.client
import json
import threading
import time
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from dev.plugin.api import kinds
from dev.plugin.api.kubeconfig import Access, ConfigError, load
from dev.plugin.api.metadata import Object, name_of, namespace_of, text
from dev.plugin.api.settings import Settings
from dev.plugin.values import is_object

_CONNECT_TIMEOUT_S = 10.0
_ANSWER_TIMEOUT_S = 60.0
_IDLE_S = 20.0  # older connections may be closed by the server while a request is under way
APPLY, JSON_PATCH = "application/apply-patch+yaml", "application/json-patch+json"


class UnreachableError(Exception):
    """The API server cannot be asked: no usable kubeconfig, or no answer."""


class ApiError(Exception):
    """The API server refused; `reason` is the machine-readable one of its Status, like NotFound."""

    def __init__(self, code: int, status: dict[str, Any], about: str) -> None:
        super().__init__(status.get("message") or f"HTTP {code} for {about}")
        self.code = code
        self.reason: str = status.get("reason") or ""
        self.details: dict[str, Any] = status.get("details") or {}

    @property
    def missing_namespace(self) -> bool:
        return self.code == 404 and self.details.get("kind") == "namespaces"


class Client:
    """Requests to one API server. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pool: builtins.list[tuple[float, http.client.HTTPConnection]] = []
        self._discovery = threading.Lock()
        self._discovered: dict[str, dict[str, tuple[str, bool]]] = {}

    @cached_property
    def access(self) -> Access:
        """Raises UnreachableError where there is no usable kubeconfig."""
        try:
            return load(self._settings)
        except (ConfigError, OSError, ValueError) as error:
            raise UnreachableError(f"configured Kubernetes cluster is unreachable: {error}") from None

    def default_namespace(self) -> str:
        """The context's namespace; "default" where there is no kubeconfig, as the official plugin does."""
        try:
            return self.access.namespace
        except UnreachableError:
            return self._settings.namespace or "default"

    def get(self, obj: Object) -> Object:
        """The live object of the same identity."""
        return self.request("GET", self.path(obj, name_of(obj)))

    def list(self, api_version: str, kind: str, namespace: str, selector: str = "") -> "list[Object]":
        """Objects of a kind in a namespace, by label selector."""
        like = {"apiVersion": api_version, "kind": kind, "metadata": {"namespace": namespace}}
        query = {"labelSelector": selector} if selector else {}
        return self.request("GET", self.path(like), query).get("items") or []

    def create(self, obj: Object, query: dict[str, str]) -> Object:
        return self.request("POST", self.path(obj), query, obj)

    def patch(self, obj: Object, body: Any, content_type: str, query: dict[str, str]) -> Object:
        return self.request("PATCH", self.path(obj, name_of(obj)), query, body, content_type)

    def delete(self, obj: Object, propagation: str) -> None:
        self.request("DELETE", self.path(obj, name_of(obj)), body={"propagationPolicy": propagation})

    def path(self, obj: Object, name: str = "") -> str:
        """URL path of an object, or of its collection; raises ApiError NoMatch for a kind the server does not have."""
        api_version, kind = text(obj, "apiVersion"), text(obj, "kind")
        plural, namespaced = kinds.plural(kind), kinds.is_namespaced(api_version, kind)
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if not kinds.is_built_in(api_version):
            plural, namespaced = self._discover(root, kind)
        parts = [root]
        if namespaced:
            parts += ["namespaces", quote(namespace_of(obj) or "default", safe="")]
        return "/".join([*parts, plural, *([quote(name, safe="")] if name else [])])

    def _discover(self, root: str, kind: str) -> tuple[str, bool]:
        with self._discovery:
            if kind not in self._discovered.get(root, {}):
                with contextlib.suppress(ApiError):
                    found: list[Object] = self.request("GET", root).get("resources") or []
                    self._discovered[root] = {
                        item["kind"]: (item["name"], item["namespaced"]) for item in found if "/" not in item["name"]
                    }
            if kind not in self._discovered.get(root, {}):
                message = f"the API server has no kind {kind} in {root}: create its custom resource definition first"
                raise ApiError(404, {"reason": "NoMatch", "message": message}, root)
            return self._discovered[root][kind]

    def request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Any:
        """One call; JSON in, JSON or text out. Raises ApiError, UnreachableError."""
        target = f"{path}?{urlencode(query)}" if query else path
        payload = None if body is None else json.dumps(body).encode()
        headers = {**self.access.headers, "Accept": "application/json", "Content-Type": content_type}
        try:
            if method == "GET" and (connection := self._idle()):
                with contextlib.suppress(OSError, http.client.HTTPException):  # closed meanwhile: once more, afresh
                    return self._exchange(connection, method, target, payload, headers)
            return self._exchange(self._idle() or self._connect(), method, target, payload, headers)
        except (OSError, http.client.HTTPException) as error:
            server = self.access.server
            raise UnreachableError(f"configured Kubernetes cluster is unreachable: {server}: {error}") from None

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, target: str, body: bytes | None, head: dict[str, str]
    ) -> Any:
        try:
            connection.request(method, target, body, head)
            response = connection.getresponse()
            data = response.read()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._pool.append((time.monotonic(), connection))
        return _result(response, data, f"{method} {target}")

    def _idle(self) -> http.client.HTTPConnection | None:
        """An idle connection; old ones are closed, as the server may close them during a request."""
        with self._lock:
            while self._pool:
                used, connection = self._pool.pop()
                if time.monotonic() - used < _IDLE_S:
                    return connection
                connection.close()
        return None

    def close(self) -> None:
        """Close every connection that no request uses."""
        with self._lock:
            for _, connection in self._pool:
                connection.close()
            self._pool.clear()

    def _connect(self) -> http.client.HTTPConnection:
        url, tls = urlsplit(self.access.server), self.access.tls
        host, port = url.hostname or "", url.port
        if tls:
            connection = http.client.HTTPSConnection(host, port or 443, timeout=_CONNECT_TIMEOUT_S, context=tls)
        else:
            connection = http.client.HTTPConnection(host, port or 80, timeout=_CONNECT_TIMEOUT_S)
        connection.connect()
        connection.sock.settimeout(_ANSWER_TIMEOUT_S)
        return connection


def _result(response: http.client.HTTPResponse, data: bytes, about: str) -> Any:
    is_json = (response.getheader("Content-Type") or "").startswith("application/json")
    parsed = json.loads(data) if is_json and data else data.decode(errors="replace")
    if response.status >= 400:
        status = parsed if is_object(parsed) else {"message": f"HTTP {response.status}: {parsed.strip()[:300]}"}
        raise ApiError(response.status, status, about)
    return parsed
