"""Asks a model of an endpoint on this machine, and shows the answer as it arrives."""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

from pydantic import BaseModel

from dev.machine.steps import DevError
from dev.pulumi.stackfile import ROOT
from plan.models import lock
from plan.text.errors import Source, TextError
from plan.text.model import read_model
from plan.text.show import lines, show

# This machine is asked, which a proxy in HTTP_PROXY cannot do.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_AGAIN = "run `make up` again; it repairs what does not answer"
_LOG = "read the server's log: kubectl logs deploy/llama-swap"
Messages = Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion: `first_s` until its first token, a load or a swap included; then `tokens_per_s`."""

    model: str
    text: str
    first_s: float
    tokens_per_s: float

    def __str__(self) -> str:
        return f"{self.model}: {self.tokens_per_s:.0f} tokens/s, the first after {self.first_s:.1f} s"


class _Delta(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    text: str | None = None  # of a completion


class _Timings(BaseModel):
    """What llama-server measured itself, in the last chunk: the way here has no part in it."""

    predicted_per_second: float


class _Chunk(BaseModel):
    choices: list[_Choice] = []
    timings: _Timings | None = None
    error: object = None


def wait(endpoint: str, timeout_s: float = 180.0) -> None:
    """Return once the endpoint answers; raises DevError when it does not in time.

    The proxies of the nodes learn about a Service shortly after Kubernetes reports it ready.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with _DIRECTLY.open(f"{endpoint}/health", timeout=10):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise DevError(f"{endpoint} does not answer: {error}", _AGAIN) from None
        time.sleep(0.1)


def ask(endpoint: str, key: str, model: str, messages: Messages, timeout_s: float = 300.0, **settings: Any) -> Answer:
    """Print the answer to the last message, token by token on a terminal; raises DevError where there is none.

    A model without a chat template goes on with that message. `settings` are fields of a completion, such as
    max_tokens. `timeout_s` bounds a silence.
    """
    path = "chat/completions" if chats(model) else "completions"
    said = {"messages": [*messages]} if chats(model) else {"prompt": messages[-1]["content"]}
    body = {"model": model, "stream": True, **said, **settings}
    request = urllib.request.Request(  # noqa: S310 - the endpoint is ours
        f"{endpoint}/v1/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    try:
        with _DIRECTLY.open(request, timeout=timeout_s) as response:
            return _shown(model, response)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode(errors="replace")
        raise DevError(f"{model}: HTTP {error.code}: {said}", _LOG) from None
    except (OSError, HTTPException) as error:
        raise DevError(f"{model}: {endpoint}: {error}", _AGAIN) from None


def chats(model: str) -> bool:
    """Whether it has a chat template, as far as the lock knows: without one, a chat with it is nonsense."""
    locked = lock.load((ROOT / lock.LOCK_FILE).read_bytes()).models.get(model)
    return locked is None or locked.gguf.shape.chat_template is not False


def first_and_last(models: Iterable[str]) -> list[str]:
    """The model to chat with, and the one least like it: those with a chat template come first, each by id."""
    ids = sorted(models, key=lambda model: (not chats(model), model))
    return list(dict.fromkeys((ids[0], ids[-1])))


def _shown(model: str, response: HTTPResponse) -> Answer:
    begun = time.monotonic()
    pieces, first_s, speed = list[str](), 0.0, 0.0
    for chunk in _chunks(model, response):
        if piece := "".join(choice.delta.content or choice.text or "" for choice in chunk.choices):
            first_s = first_s or time.monotonic() - begun
            pieces.append(piece)
            if sys.stdout.isatty():
                print(lines(piece), end="", flush=True)
        if chunk.timings:
            speed = chunk.timings.predicted_per_second
    text = "".join(pieces)
    print("" if sys.stdout.isatty() else lines(text), flush=True)
    if not text.strip():
        raise DevError(f"{model} answered with nothing", _LOG)
    return Answer(model, text, first_s, speed or len(pieces) / max(time.monotonic() - begun - first_s, 0.001))


def _chunks(model: str, response: HTTPResponse) -> Iterator[_Chunk]:
    """What each event of the stream says; raises DevError for one that tells of an error, or that is no completion."""
    for line in response:
        name, _, said = line.decode(errors="replace").strip().partition(": ")
        if name not in ("data", "error") or said == "[DONE]":
            continue
        try:
            chunk = read_model(said, Source("the answer", _LOG), _Chunk)
        except TextError:
            chunk = None
        if chunk is None or name == "error" or chunk.error is not None:
            raise DevError(f"{model}: the answer ended with {show(said)}", _LOG)
        yield chunk
