"""Asks llama-server what a model would take of a CUDA card: it is started on the header alone, and stopped at once."""

import collections
import os
import re
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.allocator.device import PROTOCOL, device
from ops.allocator.log import DOUBT, Log, LogError, Told
from ops.allocator.program import Program, clean
from ops.allocator.running import running
from ops.base.errors import reason
from plan.text.show import LINE, words

ANSWER_S = 120  # usually a fifth of a second
_KEPT = 2
_STAMP = re.compile(r"^[\d.]+ [DIWE] ")
_ERROR = re.compile(r"^[\d.]+ E |^error")
_ALL_LAYERS, _BATCH = 999, 2048


class AllocatorError(Exception):
    """llama.cpp's allocator did not answer; the text says why, without a full stop."""


class SilentError(AllocatorError):
    """It has not answered for so long that it is not asked about other models either."""


@dataclass(frozen=True, slots=True)
class HeaderFile:
    """A GGUF file up to its tensors, its whole size in bytes, and the name by which its other parts know it."""

    name: str
    header: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Question:
    """How the model would be served, as plan.vram.types.Serving has it.

    `flags` are those of embeddings and ranking. With `whole_windows` layers with a window cache the whole context.
    `drafts` are tokens that blocks of the model itself draft at a time.
    """

    total_tokens: int
    kv_type: str = "f16"
    parallel: int = 1
    ubatch: int = 512
    flags: tuple[str, ...] = ()
    whole_windows: bool = False
    drafts: int = 0


@contextmanager
def model(files: Sequence[HeaderFile]) -> Generator[Path]:
    """A model's files as llama.cpp opens them, with holes where the weights would be; raises AllocatorError."""
    with ExitStack() as stack:
        try:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="local-llm-")))
            for file in files:
                with (directory / file.name).open("wb") as written:
                    written.write(file.header)
                    written.truncate(file.size_bytes)
        except OSError as error:
            raise AllocatorError(f"no file with holes can be written: {reason(error)}") from None
        yield directory / files[0].name


def ask(
    program: Program, model: Path, overrides: Sequence[str], question: Question, answer_s: float = ANSWER_S
) -> Told:
    """What llama-server says that it would take; `overrides` are values for --override-kv. Raises AllocatorError."""
    with device() as card:
        argv = [*_argv(program, model, question), "--rpc", card.address, "--device", "RPC0"]
        argv += [word for override in overrides for word in ("--override-kv", override)]
        log, reasons, begun = Log(contexts=2 if question.drafts else 1), _Reasons(), time.monotonic()
        try:
            with running(argv, clean({**os.environ}), answer_s, model.parent) as lines:
                for line in lines:
                    reasons.read(line)
                    log.read(line)
                    if log.told:
                        break
        except LogError as error:
            raise AllocatorError(str(error)) from None
        except OSError as error:
            raise AllocatorError(f"llama-server does not start: {reason(error)}") from None
        if log.told is not None:
            return _exact(log.told, card.allocated)
        if time.monotonic() - begun >= answer_s:
            raise SilentError(f"llama-server has not answered within {answer_s:.0f} s")
        raise AllocatorError(reasons.told(card.flaw))


def _exact(told: Told, allocated: int) -> Told:
    """With the state's own bytes: for it, and for no cache, a buffer is asked for even where nothing is loaded."""
    return told._replace(state=allocated) if abs(allocated - told.state) <= DOUBT else told


class _Reasons:
    """What llama-server says before it ends: the first of its errors, or its last lines."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.last = collections.deque[str](maxlen=_KEPT)

    def read(self, line: str) -> None:
        if _ERROR.search(line) and len(self.errors) < _KEPT:
            self.errors.append(line)
        self.last.append(line)

    def told(self, flaw: str) -> str:
        known = ".".join(map(str, PROTOCOL))
        if flaw or any("RPC server version mismatch" in line for line in self.errors):
            return f"llama-server speaks another RPC protocol than {known}{f': {flaw}' if flaw else ''}"
        said = words(" ".join(_STAMP.sub("", line) for line in self.errors or self.last), LINE)
        return f"llama-server ended: {said}" if said else "llama-server ended without a word"


def _argv(program: Program, model: Path, asked: Question) -> list[str]:
    values: dict[str, object] = {
        "--model": model,
        "--ctx-size": asked.total_tokens,
        "--parallel": asked.parallel,
        "--ubatch-size": asked.ubatch,
        "--batch-size": max(_BATCH, asked.ubatch),  # a ubatch above it would be cut
        "--cache-type-k": asked.kv_type,
        "--cache-type-v": asked.kv_type,
        "--n-gpu-layers": _ALL_LAYERS,
        "--flash-attn": "on",
        "--fit": "on",  # it reckons before it loads, and prints that
        "--verbosity": 5,
        "--threads": 1,
        "--host": "127.0.0.1",
        "--port": 0,
    }
    if asked.drafts:
        values |= {"--spec-type": "draft-mtp", "--spec-draft-n-max": asked.drafts}
        values |= dict.fromkeys(("--cache-type-k-draft", "--cache-type-v-draft"), asked.kv_type)
    switches = ["--offline", "--no-warmup", *asked.flags, *(["--swa-full"] if asked.whole_windows else [])]
    return [str(program.path), *(str(word) for pair in values.items() for word in pair), *switches]
