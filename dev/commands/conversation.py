"""Asks a model of an endpoint on this machine, and shows the answer as it arrives."""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from itertools import chain
from typing import Any

from pydantic import BaseModel

from dev.machine.steps import DevError
from dev.pulumi.stackfile import ROOT
from plan.models import lock
from plan.text.errors import Source, TextError
from plan.text.model import read_model
from plan.text.show import show, words

# This machine is asked, which a proxy in HTTP_PROXY cannot do.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_AGAIN = "run `make up` again; it repairs what does not answer"
_LOG = "read the server's log: kubectl logs deploy/llama-swap"
_PORT = "see with `ss -ltnp` what listens there, stop it and run `make up` again"
_LONGER = "ask it over the API with a larger max_tokens, or another model"
# Control characters, marks that reverse the direction of text, and half surrogate pairs, which cannot be printed.
# Blanks, joiners and marks of scripts stay: emoji and languages are made of them.
_ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
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
    reasoning_content: str | None = None  # what a model thinks before it answers


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    text: str | None = None  # of a completion
    finish_reason: str | None = None  # in the last chunk


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
        except HTTPException as error:
            if time.monotonic() > deadline:
                raise _other_service(endpoint, error) from None
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
            return _shown(model, response, _Screen(key))
    except urllib.error.HTTPError as error:
        with error:
            said = _without(key, error.read(500).decode(errors="replace"))
        raise DevError(f"{model}: HTTP {error.code}: {said}", _LOG) from None
    except OSError as error:
        raise DevError(f"{model}: {endpoint}: {error}", _AGAIN) from None
    except IncompleteRead:
        raise _broken_off(model) from None
    except HTTPException as error:
        raise _other_service(endpoint, error) from None


def chats(model: str) -> bool:
    """Whether the model of that id has a chat template, as far as the lock knows: without one, a chat is nonsense."""
    locked = lock.load((ROOT / lock.LOCK_FILE).read_bytes()).models.get(model)
    return locked is None or locked.gguf.shape.chat_template is not False


def first_and_last(models: Iterable[str]) -> list[str]:
    """The model to chat with, and the one least like it: those with a chat template come first, each by id."""
    ids = sorted(models, key=lambda model: (not chats(model), model))
    return list(dict.fromkeys((ids[0], ids[-1])))


class _Screen:
    """Shows an answer as it is, piece by piece on a terminal; without the API key, and harmless to the terminal."""

    def __init__(self, key: str) -> None:
        self._key, self._at_once, self._kept = key, sys.stdout.isatty(), ""

    def add(self, piece: str) -> None:
        """Show it, but for an end that the next piece may make the key of."""
        self._kept += piece
        if not self._at_once:
            return
        text = _without(self._key, self._kept)
        begun = (text[-size:] for size in range(len(self._key) - 1, 0, -1))
        self._kept = next((end for end in begun if self._key.startswith(end)), "")
        print(_harmless(text[: len(text) - len(self._kept)]), end="", flush=True)

    def end(self) -> None:
        print(_harmless(_without(self._key, self._kept)), flush=True)


def _harmless(text: str) -> str:
    return _ACTS.sub(lambda found: repr(found[0])[1:-1], text)


def _without(key: str, text: str) -> str:
    return text.replace(key, "***") if key else text


def _shown(model: str, response: HTTPResponse, screen: _Screen) -> Answer:
    begun = time.monotonic()
    pieces, first_s, speed, whole, thought = list[str](), 0.0, 0.0, False, False
    try:
        for chunk in _chunks(model, response):
            if chunk is None:
                whole = True
                continue
            if piece := "".join(choice.delta.content or choice.text or "" for choice in chunk.choices):
                first_s = first_s or time.monotonic() - begun
                pieces.append(piece)
                screen.add(piece)
            thought |= any(choice.delta.reasoning_content for choice in chunk.choices)
            whole |= any(choice.finish_reason for choice in chunk.choices)
            speed = chunk.timings.predicted_per_second if chunk.timings else speed
    finally:
        screen.end()
    text = "".join(pieces)
    if not whole:
        raise _broken_off(model)
    if not text.strip() and thought:
        raise DevError(f"{model} only thought, and its answer ended before it said anything", _LONGER)
    if not text.strip():
        raise DevError(f"{model} answered with nothing", _LOG)
    return Answer(model, text, first_s, speed or len(pieces) / max(time.monotonic() - begun - first_s, 0.001))


def _chunks(model: str, response: HTTPResponse) -> Iterator[_Chunk | None]:
    """What each event of the stream says, and None at its end; raises DevError for an error, and for what is none."""
    for name, said in _events(response):
        if said == "[DONE]":
            yield None
            continue
        try:
            chunk = read_model(said, Source("the answer", _LOG), _Chunk)
        except TextError:
            chunk = None
        if chunk is None or name == "error" or chunk.error is not None:
            raise DevError(f"{model}: the answer ended with {show(said)}", _LOG)
        yield chunk


def _events(response: HTTPResponse) -> Iterator[tuple[str, str]]:
    """The name and each line of data of every event (html.spec.whatwg.org, 9.2.6); llama-server's `error:` is one."""
    name, data = "", list[str]()
    for line in chain(response, [b""]):
        field, _, value = line.decode(errors="replace").strip().partition(":")
        if field == "event":
            name = value.strip()
        elif field in ("data", "error"):
            data.append(value.strip())
            name = "error" if field == "error" else name
        elif not line.strip():
            if name == "error" and not data:
                data.append("an error")
            yield from ((name, said) for said in data)
            name, data = "", list[str]()


def _broken_off(model: str) -> DevError:
    return DevError(f"{model}: the answer broke off before its end", _LOG)


def _other_service(endpoint: str, error: HTTPException) -> DevError:
    said = words(str(error)) or type(error).__name__
    return DevError(f"{endpoint} does not speak HTTP, so another service has that port: {said}", _PORT)
