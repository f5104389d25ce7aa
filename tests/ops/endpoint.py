"""An OpenAI-compatible endpoint whose models answer as a test says; slowness is told, never slept."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving

Json = dict[str, Any]
Answer = Callable[[Json], tuple[int, bytes]]
KEY = "k3y-thatMustNeverBePrinted"


def reply(
    said: str | None, finish: str = "stop", speed: float | None = 33.0, tokens: int = 20, **message: Any
) -> bytes:
    """A chat's or a completion's answer: `said` is in both places."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": said, **message}}
    timings = {} if speed is None else {"timings": {"predicted_n": tokens, "predicted_per_second": speed}}
    usage = {"prompt_tokens": 3, "completion_tokens": tokens}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage, **timings}).encode()


def vectors(*rows: list[float]) -> Answer:
    data = [{"object": "embedding", "index": number, "embedding": row} for number, row in enumerate(rows)]
    return lambda _: (200, json.dumps({"object": "list", "data": data}).encode())


def ranks(*scores: float) -> Answer:
    """As llama-server does it, the best first."""
    rows = [{"index": number, "relevance_score": score} for number, score in enumerate(scores)]
    rows.sort(key=lambda row: -row["relevance_score"])
    return lambda _: (200, json.dumps({"object": "list", "results": rows}).encode())


def wise(body: Json) -> str:
    """What a well model says."""
    content = body.get("prompt") or body["messages"][0]["content"]
    if isinstance(content, list):
        return "Red."
    return "1, 2, 3, 4, 5, 6, 7, 8" if "1" in content else "Paris."


def says(said: str | None = None, **settings: Any) -> Answer:
    return lambda body: (200, reply(wise(body) if said is None else said, **settings))


def base(body: Json) -> tuple[int, bytes]:
    """A base model: it has no template, so a chat is nonsense to it."""
    text = wise(body) if "prompt" in body else "user user user"
    choice = {"text": text, "finish_reason": "length"}
    timings = {"predicted_n": 16, "predicted_per_second": 20.0}
    return 200, json.dumps({"object": "text_completion", "choices": [choice], "timings": timings}).encode()


@dataclass
class Endpoint:
    """`asked` are the bodies of completions; a model that is not in `models` is answered as llama-swap does."""

    url: str
    models: dict[str, Answer]
    needs_key: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    asked: list[Json] = field(default_factory=list[Json])

    def of(self, model: str) -> list[Json]:
        return [body for body in self.asked if body["model"] == model]


@contextmanager
def running(models: dict[str, Answer]) -> Iterator[Endpoint]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}", models)
    server.endpoint = endpoint  # type: ignore[attr-defined]
    with serving(server):
        try:
            yield endpoint
        finally:
            endpoint.released.set()


class _Handler(BaseHTTPRequestHandler):
    @property
    def endpoint(self) -> Endpoint:
        return self.server.endpoint  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        if self._let_in():
            rows = [{"id": model, "object": "model"} for model in self.endpoint.models]
            self._send(200, json.dumps({"object": "list", "data": rows}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._let_in():
            self.endpoint.asked.append(body)
            answer = self.endpoint.models.get(body["model"])
            unknown = 404, json.dumps({"error": f"model {body['model']} not found"}).encode()
            self._send(*(answer(body) if answer else unknown))

    def _let_in(self) -> bool:
        sent = self.headers["Authorization"]
        if self.endpoint.needs_key and sent != f"Bearer {KEY}":
            self._send(401, json.dumps({"error": f"invalid key in {sent}"}).encode())
            return False
        return True

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args
