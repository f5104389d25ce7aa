"""The two HTTP servers of the local hub. `GET /_log` lists the requests so far; `POST /_faults` replaces the rules."""

import json
import os
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from dev.hub.faults import Faults, Rule
from dev.hub.repos import HubFile, Repo, Repos

_CHUNK_BYTES = 256 << 10
_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"


class Hub:
    """Both origins as a context manager. Port 0 takes a free one; `log` has one dict per answered request."""

    def __init__(self, root: Path, listen: str = "127.0.0.1", port: int = 0, cdn_port: int = 0) -> None:
        self.repos, self.faults, self.log = Repos(root), Faults(), list[dict[str, Any]]()
        self.signatures = 0
        self._servers = [_Server((listen, port), _Api, self), _Server((listen, cdn_port), _Cdn, self)]
        self.port, self.cdn_port = (server.server_address[1] for server in self._servers)
        self.endpoint = f"http://{listen}:{self.port}"

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.faults.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type["_Handler"], hub: Hub) -> None:
        super().__init__(address, handler)
        self.hub = hub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    origin: Literal["api", "cdn"]
    rule = Rule("api")

    def setup(self) -> None:
        super().setup()
        self.hub = cast(_Server, self.server).hub

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the client went away
            self.close_connection = True

    def log_message(self, *_: object, **__: object) -> None:
        """Requests are kept in the hub's log, not printed."""

    def answer(self, status: int, body: bytes = b"", **headers: str | int) -> None:
        """A complete small answer; header names are given with _ for -."""
        self.begin(status, {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}})
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, status: int, headers: dict[str, Any]) -> None:
        row: dict[str, Any] = {
            "origin": self.origin,
            "method": self.command,
            "path": self.path,
            "status": status,
            "bytes": 0,
        }
        row |= {"range": self.headers.get("Range", ""), "authorization": "Authorization" in self.headers}
        if not self.path.startswith("/_"):
            self.hub.log.append(row)
        self.row = row
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        if self.rule.head_pause_s:
            self._dribble(self.rule.head_pause_s)
        self.end_headers()

    def _dribble(self, pause_s: float) -> None:
        """Send what there is of the head byte by byte, as long as the rules stay."""
        head = b"".join(self._headers_buffer)
        self._headers_buffer: list[bytes] = []
        for number in range(len(head)):
            self.hub.faults.stall(self.rule, pause_s)
            self.wfile.write(head[number : number + 1])

    def json(self, content: Any) -> None:
        self.answer(200, json.dumps(content).encode(), Content_Type="application/json")

    def missing(self, code: str) -> None:
        self.answer(404, code.encode(), X_Error_Code=code, X_Error_Message=code)

    def refused(self) -> bool:
        """Pick the request's rule, and answer if it orders a refusal."""
        picked = self.hub.faults.pick(self.origin, self.path, self.headers.get("Range", ""))
        rule = self.rule = picked or Rule(self.origin)
        if rule.silent:
            self.hub.faults.stall(rule)
        if rule.token and (sent := self.headers.get("Authorization")) != f"Bearer {rule.token}":
            self.answer(403 if sent else 401, b"gated", X_Error_Code="GatedRepo", X_Error_Message="gated")
        elif rule.status:
            headers = {name.replace("-", "_"): value for name, value in rule.headers.items()}
            self.answer(rule.status, (rule.says or f"ordered {rule.status}").encode(), **headers)
        else:
            return False
        return True

    def body(self, entry: HubFile, headers: dict[str, Any]) -> None:
        """The file or the range asked for, with what the rule does to it."""
        rule = self.rule
        start, end, status = 0, entry.size, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and not rule.ignore_range:
            start, end, status = int(asked[1]), min(int(asked[2] or entry.size - 1) + 1, entry.size), 206
            if start >= entry.size:
                return self.answer(416, Content_Range=f"bytes */{entry.size}")
            if not rule.no_content_range:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{rule.total or entry.size}"
        self.begin(status, {"Content-Length": end - start, "Accept-Ranges": "bytes", **headers})
        if self.command != "HEAD":
            whole = rule.truncate_after is rule.stall_after is rule.corrupt_at is rule.rate_bytes_s is None
            (self._send_fast if whole else self._send)(entry.file, start, end, rule)
        return None

    def _send_fast(self, file: Path, start: int, end: int, _: Rule) -> None:
        """From the page cache to the socket: a client's speed is measured, not this server's."""
        with file.open("rb") as source:
            while start < end:
                start += (sent := os.sendfile(self.connection.fileno(), source.fileno(), start, end - start))
                self.row["bytes"] += sent

    def _send(self, file: Path, start: int, end: int, rule: Rule) -> None:
        # With a rate a trickle, not a burst now and then.
        most = min(_CHUNK_BYTES, rule.rate_bytes_s // 16 + 1) if rule.rate_bytes_s else _CHUNK_BYTES
        with file.open("rb") as source:
            position = source.seek(start)
            while position < end:
                sent = position - start
                stops = [at for at in (rule.stall_after, rule.truncate_after) if at is not None and at > sent]
                if rule.truncate_after is not None and sent >= rule.truncate_after:
                    self.close_connection = True
                    return
                if rule.stall_after is not None and sent >= rule.stall_after:
                    self.wfile.flush()
                    self.hub.faults.stall(rule)
                data = bytearray(source.read(min(most, end - position, *(at - sent for at in stops))))
                if rule.corrupt_at is not None and position <= rule.corrupt_at < position + len(data):
                    data[rule.corrupt_at - position] ^= 1
                self.wfile.write(data)
                position += len(data)
                self.row["bytes"] += len(data)
                if rule.rate_bytes_s:
                    time.sleep(len(data) / rule.rate_bytes_s)


class _Cdn(_Handler):
    origin = "cdn"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if self.headers.get("Authorization"):  # signed storage refuses a request that has a token as well
            return self.answer(400, b"only one auth mechanism allowed")
        if self.refused():
            return None
        name, _, sha256 = path.strip("/").rpartition("/")
        repo = self.hub.repos.get(name)
        found = [entry for entry in repo.entries.values() if entry.sha256 == sha256] if repo else []
        return self.body(found[0], {"ETag": f'"{sha256}"'}) if found else self.missing("EntryNotFound")

    do_HEAD = do_GET  # noqa: N815 - the name http.server calls


class _Api(_Handler):
    origin = "api"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/_log":
            return self.json(self.hub.log)
        if self.refused():
            return None
        return self._route(path)

    do_HEAD = do_GET  # noqa: N815 - the name http.server calls

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(urlsplit(self.path).path)
        if path == "/_faults":
            try:
                self.hub.faults.load(json.loads(raw))
            except (TypeError, ValueError) as error:
                return self.answer(400, str(error).encode())
            return self.answer(204)
        if self.refused():
            return None
        return self._route(path, parse_qs(raw.decode()).get("paths", []))

    def _route(self, path: str, paths: list[str] | None = None) -> None:
        routes: list[tuple[str, Callable[[Repo, str], None]]] = [
            (rf"/api/models/{_REPO}(?:/revision/(?P<rev>[^/]+))?", lambda repo, _: self.json(_info(repo))),
            (rf"/api/models/{_REPO}/tree/(?P<rev>[^/]+)", lambda repo, _: self.json(_tree(repo, list(repo.entries)))),
            (rf"/api/models/{_REPO}/paths-info/(?P<rev>[^/]+)", lambda repo, _: self.json(_tree(repo, paths or []))),
            (rf"/signed/{_REPO}/(?P<file>[0-9a-f]{{64}})", self._signed),
            (rf"/api/models/{_REPO}/refs", lambda repo, _: self.json(_refs(repo))),
            (rf"/{_REPO}/resolve/(?P<rev>[^/]+)/(?P<file>.+)", self._resolve),
        ]
        for pattern, act in routes:
            if match := re.fullmatch(pattern, path):
                parts = match.groupdict()
                repo = self.hub.repos.get(parts["repo"])
                if repo is None:
                    return self.missing("RepoNotFound")
                if parts.get("rev") not in (None, "main", repo.commit):
                    return self.missing("RevisionNotFound")
                return act(repo, parts.get("file", ""))
        return self.missing("EntryNotFound")

    def _resolve(self, repo: Repo, path: str) -> None:
        entry = repo.entries.get(path)
        if entry is None:
            self.missing("EntryNotFound")
            return
        if not entry.is_lfs:
            self.body(entry, {"ETag": f'"{entry.etag}"', "X-Repo-Commit": repo.commit})
            return
        self.hub.signatures += 1
        # The host as the client named it. Its ports may be forwarded ones, which are as far apart as ours.
        host, _, port = self.headers.get("Host", "").partition(":")
        cdn_port = int(port or 80) + self.hub.cdn_port - self.hub.port
        where = f"{host}:{port}/signed" if self.rule.same_origin else f"{host}:{cdn_port}"
        location = f"http://{where}/{repo.name}/{entry.sha256}?sig={self.hub.signatures}"
        etag = f'"{self.rule.etag or entry.etag}"'
        self.answer(302, Location=location, X_Repo_Commit=repo.commit, X_Linked_Etag=etag, X_Linked_Size=entry.size)

    def _signed(self, repo: Repo, sha256: str) -> None:
        (entry,) = (entry for entry in repo.entries.values() if entry.sha256 == sha256)
        self.body(entry, {"ETag": f'"{sha256}"'})


def _info(repo: Repo) -> dict[str, Any]:
    siblings = [
        {"rfilename": entry.path, "size": entry.size, "blobId": entry.oid, **_lfs(entry, "sha256")}
        for entry in repo.entries.values()
    ]
    flags = {"private": False, "gated": False, "disabled": False, "tags": ["gguf"], "downloads": 0, "likes": 0}
    return {"id": repo.name, "modelId": repo.name, "sha": repo.commit, **flags, "siblings": siblings}


def _tree(repo: Repo, paths: list[str]) -> list[dict[str, Any]]:
    entries = [repo.entries[path] for path in paths if path in repo.entries]
    return [{"type": "file", "path": e.path, "size": e.size, "oid": e.oid, **_lfs(e, "oid")} for e in entries]


def _refs(repo: Repo) -> dict[str, Any]:
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.commit}
    return {"branches": [main], "tags": [], "converts": []}


def _lfs(entry: HubFile, key: str) -> dict[str, Any]:
    if not entry.is_lfs:
        return {}
    return {"lfs": {key: entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}}
