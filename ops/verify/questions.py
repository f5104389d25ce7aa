"""The questions with their expected answers, and the judgement of an answer: right, empty, wrong or garbage."""

import base64
import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from ops.verify.endpoint import Reply
from plan.config import ExpectedAnswer
from plan.config.model import Mode
from plan.text.show import plain, show

Json = dict[str, Any]
_DETERMINISTIC = {"temperature": 0, "seed": 1}
# Enough for a reasoning model to think before it answers.
_THINKING_TOKENS = 2048
_COUNT_TOKENS = 64
_FEWEST_TO_TIME = 8
_LONGEST = 50_000  # characters of an answer that are judged; these questions allow a hundredth of it
WEIGHTS = "compare weights, flags and build with what worked: docs/runbooks/weights.md, kubectl logs deploy/llama-swap"


@dataclass(frozen=True, slots=True)
class Known:
    """A model and what its stack and lock say about it. A base model has no chat template, so it cannot chat."""

    model: str
    mode: Mode = "chat"
    chats: bool = True
    sees: bool = False
    thinks: bool = False
    golden: ExpectedAnswer | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """`expect` has to be in the answer, in any case; None accepts any words. With `timed` the speed is checked too."""

    name: str
    path: str
    body: Json = field(repr=False)
    expect: str | None
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    what: str
    fix: str


def questions(known: Known) -> list[Question]:
    """The questions for a model. The cheapest comes first, because it has to wait until the model is loaded."""
    golden = known.golden
    if not known.chats:
        # With "of" at the end both quantizations of the 270M base model name the city; without it only one does.
        first = golden or ExpectedAnswer(prompt="The capital of France is the city of", expect="Paris")
        return [
            Question("golden", "completions", _completion(first.prompt, 16), first.expect),
            Question("speed", "completions", _completion("1, 2, 3, 4, 5,", _COUNT_TOKENS), None, timed=True),
        ]
    first = golden or ExpectedAnswer(prompt="What is the capital of France? Answer with one word.", expect="Paris")
    tokens = _THINKING_TOKENS if known.thinks else 64
    asked = [Question("golden", "chat/completions", _chat(first.prompt, tokens), first.expect, timed=known.thinks)]
    if known.sees:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_red()}"}}
        text = {"type": "text", "text": "Which colour is this image? Answer with one word."}
        asked.append(Question("image", "chat/completions", _chat([text, image], tokens), "red"))
    if not known.thinks:
        # Not to count: a small model that loses itself among digits repeats them, as broken weights do.
        story = _chat("Write a short story about 1 boat and the sea.", _COUNT_TOKENS)
        asked.append(Question("speed", "chat/completions", story, None, timed=True))
    return asked


def _completion(prompt: str, tokens: int) -> Json:
    return {"prompt": prompt, "max_tokens": tokens, **_DETERMINISTIC}


def _chat(content: Any, tokens: int) -> Json:
    return {"messages": [{"role": "user", "content": content}], "max_tokens": tokens, **_DETERMINISTIC}


def _red(side: int = 224) -> str:
    """A PNG of one colour, in base64 (W3C PNG, 8-bit RGB)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + b"\xff\0\0" * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()


def words(reply: Reply) -> str:
    """The answer's text without the thoughts before it."""
    choice = reply.choices[0]
    said = ((choice.message.content if choice.text is None else choice.text) or "")[:_LONGEST]
    return said.rpartition("</think>")[2].strip()


def fault(question: Question, reply: Reply, model: str) -> Fault | None:
    """What is wrong with the answer, or None; the speed is checked elsewhere."""
    said, ended = words(reply), reply.choices[0].finish_reason
    if said.startswith("<think>") or (not said and reply.choices[0].message.reasoning_content):
        what = f"it only thought, and the answer is empty (finish_reason {plain(str(ended))})"
        return Fault(what, f'set `reasoning: "off"` of models.{model} in the stack file, then pulumi up')
    if not said:
        return Fault(f"an empty answer (finish_reason {plain(str(ended))})", WEIGHTS)
    if _is_garbage(said):
        return Fault("garbage", WEIGHTS)
    if question.expect is not None and question.expect.casefold() not in said.casefold():
        return Fault(f"{show(question.expect)} is not in the answer", WEIGHTS)
    if ended not in ("stop", "length"):
        return Fault(f"it ended with finish_reason {plain(str(ended))}", WEIGHTS)
    return None


def _is_garbage(said: str) -> bool:
    """Whether a short piece is repeated over and over, or most characters are neither letters nor digits.

    Broken weights or kernels give such text.
    """
    repeated = max((len(found[0]) for found in re.finditer(r"(.{1,12}?)\1{5,}", said, re.DOTALL)), default=0)
    visible = [character for character in said if not character.isspace()]
    odd = sum(not character.isalnum() or character == "\ufffd" for character in visible)
    return repeated > len(said) / 2 or odd > 0.7 * len(visible)


def tokens_per_s(reply: Reply) -> float | None:
    """Tokens per second: llama-server's own figure, else measured by the clock; None for an answer of a few tokens."""
    if reply.timings:
        return reply.timings.predicted_per_second if reply.timings.predicted_n >= _FEWEST_TO_TIME else None
    if reply.usage.completion_tokens >= _FEWEST_TO_TIME:
        return reply.usage.completion_tokens / max(reply.took_s, 1e-3)
    return None
