"""A stand-in for llama-swap: answers each model as its script says, and keeps what was asked of it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving


@dataclass(frozen=True, slots=True)
class Asked:
    model: str
    authorization: str


@dataclass(slots=True)
class Upstream:
    """Scripts by model: the answer to its n-th completion, n from 0; `asked` are the completions there were."""

    port: int
    scripts: dict[str, Callable[["_Handler", int], None]]
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, model: str) -> int:
        return sum(asked.model == model for asked in self.asked)


def fails(status: int, times: int, headers: dict[str, str] | None = None) -> Callable[["_Handler", int], None]:
    """Answer `status` so many times, then completions."""

    def answer(handler: "_Handler", nth: int) -> None:
        if nth < times:
            handler.send(status, {"error": {"message": f"scripted {status}"}}, headers or {})
        else:
            handler.complete()

    return answer


def loads_for(seconds: float) -> Callable[["_Handler", int], None]:
    """Not even headers before the model is loaded, as llama-swap does it."""

    def answer(handler: "_Handler", _: int) -> None:
        time.sleep(seconds)
        handler.complete()

    return answer


def waits_for(event: threading.Event) -> Callable[["_Handler", int], None]:
    def answer(handler: "_Handler", _: int) -> None:
        event.wait()
        handler.complete()

    return answer


def says(value: object) -> Callable[["_Handler", int], None]:
    return lambda handler, _: handler.send(200, value, {})


@contextmanager
def running(scripts: dict[str, Callable[["_Handler", int], None]]) -> Iterator[Upstream]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    upstream = Upstream(server.server_port, scripts)
    server.upstream = upstream  # type: ignore[attr-defined]
    with serving(server):
        yield upstream


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    body: dict[str, Any]

    def do_POST(self) -> None:
        upstream: Upstream = self.server.upstream  # type: ignore[attr-defined]
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with upstream.lock:
            nth = upstream.count(self.body["model"])
            upstream.asked.append(Asked(self.body["model"], self.headers["Authorization"] or ""))
        try:
            upstream.scripts[self.body["model"]](self, nth)
        except (BrokenPipeError, ConnectionResetError):  # the gateway had enough of waiting
            self.close_connection = True

    def do_GET(self) -> None:
        upstream: Upstream = self.server.upstream  # type: ignore[attr-defined]
        self.send(200, {"object": "list", "data": [{"id": model, "object": "model"} for model in upstream.scripts]}, {})

    def send(self, status: int, value: object, headers: dict[str, str]) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def complete(self) -> None:
        base = {"id": "chatcmpl-1", "created": 1, "model": self.body["model"]}
        if not self.body.get("stream"):
            message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            self.send(200, {**base, "object": "chat.completion", "choices": [message], "usage": usage}, {})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for delta, reason in (({"role": "assistant", "content": "hello"}, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = {**base, "object": "chat.completion.chunk", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args
