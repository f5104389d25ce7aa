"""Sends questions to an OpenAI-compatible endpoint. The API key is sent in a header and hidden in messages."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from pydantic import BaseModel

from ops.base import network
from ops.base.errors import OpsError, reason
from ops.base.waiting import waiting
from ops.gguf import byte_ranges
from plan.text import limits
from plan.text.errors import Source, TextError
from plan.text.model import Read, read_model
from plan.text.show import show, words

_LOG = "read what the engine said: kubectl logs deploy/llama-swap -c server"
_REFUSAL_BYTES = 4096
_SHOWN = 200  # characters of an answer that a message quotes
_COLD_S = 15.0  # of silence, after which it is said that a cold load takes a while


class AskError(Exception):
    """A question was not answered; `fix` is the next step. With `final` no other question would be answered either."""

    def __init__(self, what: str, fix: str, *, final: bool = False) -> None:
        super().__init__(what)
        self.fix, self.final = fix, final


class Message(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None


class Choice(BaseModel):
    text: str | None = None  # of a completion
    message: Message = Message()  # of a chat
    finish_reason: str | None = None


class Timings(BaseModel):
    """What llama-server measured of the answer's tokens."""

    predicted_n: int
    predicted_per_second: float


class Usage(BaseModel):
    completion_tokens: int = 0


class Reply(BaseModel):
    """The fields of an answer that are checked, and the seconds it took."""

    choices: list[Choice]
    timings: Timings | None = None
    usage: Usage = Usage()
    took_s: float = 0.0


class _Id(BaseModel):
    id: str


class _Ids(BaseModel):
    data: list[_Id]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` ends in /v1, `key` may be empty, `key_from` is its variable; `silence_s` without a byte end a question.

    So does twice that for the whole answer: an engine is silent until it has it, and then sends it at once.
    """

    url: str
    key: str
    key_from: str
    silence_s: float

    def models(self) -> list[str]:
        """The ids that the endpoint lists; raises OpsError where it does not answer as it should."""
        try:
            with waiting(self.url):
                said = self._call("/models", None)
        except AskError as error:
            raise OpsError(str(error), error.fix) from None
        source = Source(f"{self.url}/models is not a list of models", "check the URL: it ends in /v1")
        return [model.id for model in self._read(said, source, _Ids).data]

    def ask(self, model: str, path: str, body: Mapping[str, Any]) -> Reply:
        """Ask for a completion; raises AskError."""
        reply, took_s = self.post(model, path, body, Reply, "a completion")
        if not reply.choices:
            raise AskError("an answer without choices", _LOG)
        return reply.model_copy(update={"took_s": took_s})

    def post(self, model: str, path: str, body: Mapping[str, Any], kind: type[Read], name: str) -> tuple[Read, float]:
        """POST to /v1/PATH and return an answer of this kind, and the seconds it took; raises AskError.

        While it waits, it says so on stderr every 15 seconds.
        """
        begun = time.monotonic()
        with waiting(model, "; a cold load takes a while", _COLD_S):
            said = self._call(f"/{path}", {"model": model, **body})
        try:
            return self._read(said, Source("the answer", _LOG), kind), time.monotonic() - begun
        except TextError as error:
            what = f"an answer that is not {name}: {show(self._shown(said))}; {error.what}"
            raise AskError(what, _LOG) from None

    def _call(self, path: str, body: Mapping[str, Any] | None) -> bytes:
        key = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **key}

        def ask() -> tuple[httpx2.Response, bytes]:
            with httpx2.stream(
                "GET" if content is None else "POST",
                self.url + path,
                content=content,
                headers=headers,
                timeout=self.silence_s,
            ) as answer:
                return answer, byte_ranges.body(answer, limits.BYTES + 1 if answer.is_success else _REFUSAL_BYTES)

        try:
            answer, said = network.within(2 * self.silence_s, ask)
        except network.LateError as error:
            raise AskError(str(error), f"{_LOG}; or allow more with --timeout") from None
        except httpx2.TimeoutException:
            raise AskError(
                f"no byte of an answer for {self.silence_s:g} s", f"{_LOG}; or allow more with --timeout"
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            what = f"{self.url} does not answer: {reason(error)}"
            fix = f"check the URL, and that the stack is up: make up{network.advice(error)}"
            raise AskError(what, fix, final=True) from None
        if answer.has_redirect_location:
            raise self._elsewhere(answer)
        if not answer.is_success:
            raise self._refusal(answer.status_code, self._shown(said))
        return said

    def _read(self, said: bytes, source: Source, model: type[Read]) -> Read:
        """The answer, without the key where it repeats that."""
        return read_model(said.replace(self.key.encode(), b"***") if self.key else said, source, model)

    def _elsewhere(self, answer: httpx2.Response) -> AskError:
        """A redirect is not followed: the key would stay behind, and a question would become a GET."""
        place = answer.headers["Location"].partition("?")[0]
        what = f"{self.url} leads elsewhere (HTTP {answer.status_code}), to {self._shown(place.encode())}"
        return AskError(what, "pass with --url the address that answers itself", final=True)

    def _refusal(self, status: int, said: str) -> AskError:
        what = f"HTTP {status}: {said}"
        if status in (401, 403):
            which = (
                f"the key in ${self.key_from} is refused" if self.key else f"no key was sent, ${self.key_from} is empty"
            )
            return AskError(f"{what}; {which}", f"export {self.key_from}=$(make -s key)", final=True)
        if status in (400, 404):
            return AskError(what, f"compare the id and what it can do with {self.url}/models; is it deployed?")
        return AskError(what, _LOG)

    def _shown(self, said: bytes) -> str:
        text = said.decode(errors="replace")
        return words(text.replace(self.key, "***") if self.key else text, _SHOWN)
