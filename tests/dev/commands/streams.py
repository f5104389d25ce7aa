"""What an engine streams to `make up` and `make chat`, and an endpoint that says it."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev.commands import conversation
from tests.ops import endpoint

MESSAGES = [{"role": "user", "content": "which?"}]
TIMINGS = {"predicted_n": 2, "predicted_per_second": 30.0}


def event(content: str | None, **more: Any) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': content}}], **more})}\n\n".encode()


DONE = b"data: [DONE]\n\n"


def stream(*pieces: str) -> bytes:
    return b"".join([event(None), *map(event, pieces), event(None, timings=TIMINGS), DONE])


def completed(*pieces: str) -> bytes:
    """What /v1/completions sends."""
    chunks = (f"data: {json.dumps({'choices': [{'text': piece}]})}\n\n".encode() for piece in pieces)
    return b"".join(chunks) + DONE


@contextmanager
def answering(content: bytes, status: int = 200) -> Iterator[endpoint.Endpoint]:
    with endpoint.running({"a": lambda _: (status, content)}) as running:
        yield running


def said(content: bytes, status: int = 200) -> conversation.Answer:
    with answering(content, status) as running:
        return conversation.ask(running.url, "", "a", MESSAGES)


class Terminal(io.StringIO):
    """A terminal on which `word` was seen or not."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word, self.seen = word, threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.word in self.getvalue():
            self.seen.set()
        return written
