"""One input given to one entry point, and what came of it: accepted, refused in words, or a failure of the program."""

import contextlib
import io
import os
import re
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pods.core.report import ExitError, printable

# Every secret of the corpus has this word in it, so that a part of one is found too.
PLANTED = "plantedSecret"
TOKEN, KEY, PASSWORD = f"hf_{PLANTED}A", f"sk-{PLANTED}B", f"{PLANTED}C"
CPU_S = 2.0  # of the whole process; a busy machine does not lengthen it
WALL_S = 60.0  # for what waits without working; far beyond what a busy machine needs
_LONGEST_MESSAGE, _REASON = 20_000, 4096
_OURS = {"plan", "observe", "components", "ops", "pods"}
# C0 without tab and newline, DEL, C1, marks and overrides of direction, halves of surrogate pairs.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_JARGON = re.compile(
    r"Traceback \(most recent|should match pattern|must match \(\?| object at 0x|Input should be|constrained-"
)


class HangError(BaseException):
    """The input took too long. No handler of the program may swallow it."""


class WrongError(BaseException):
    """The input was accepted, and something that comes after it does not take it."""


@dataclass(frozen=True, slots=True)
class Case:
    """`give` hands the input to the entry point; `wanted` is what has to come of it, "" where both will do."""

    entry: str
    name: str
    give: Callable[[], object]
    wanted: Literal["accepted", "refused", ""] = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why` says what was wrong with the program, "" where nothing was; `said` is all that it printed or raised."""

    case: Case
    end: Literal["accepted", "refused"]
    said: str
    cpu_s: float
    why: str

    def __str__(self) -> str:
        return f"{self.case.entry}, {self.case.name}: {self.why}"


def examine(case: Case) -> Outcome:
    """Give the input and judge what came of it."""
    begun = time.process_time()
    with captured() as printed:
        end, message, why = _end(case.give)
        said = f"{printed()}{message}"
    took_s = time.process_time() - begun
    why = why or judged(said, refused=end == "refused")
    if not why and case.wanted not in ("", end):
        why = f"it is {end}; wanted: {case.wanted}"
    return Outcome(case, end, said, took_s, why)


def fault(give: Callable[[], object]) -> str:
    """What is wrong with the program's end alone, "" for nothing: what it prints is not looked at."""
    end, message, why = _end(give)
    return why or (leaked(message) if end == "refused" else "")


def judged(said: str, *, refused: bool) -> str:
    """What is wrong with a program's words, "" for nothing."""
    if why := leaked(said):
        return why
    if jargon := _JARGON.search(said):
        return f"not in words: {_around(said, jargon.start())}"
    if refused and len(re.findall(r"\w+", said)) < 3:
        return f"refused without words: {said!r}"
    return ""


def leaked(said: str) -> str:
    """Whatever must never reach a terminal or a log, or is too long for a person to read."""
    if PLANTED in said:
        return f"a secret is shown: {_around(said, said.index(PLANTED))}"
    if raw := RAW.search(said):
        return f"a raw control character is shown: {_around(said, raw.start())}"
    if len(said) > _LONGEST_MESSAGE:
        return f"{len(said)} characters are said: {said[:100]!r}"
    return ""


def _around(text: str, at: int) -> str:
    return ascii(text[max(0, at - 80) : at + 60])


def _end(give: Callable[[], object]) -> tuple[Literal["accepted", "refused"], str, str]:
    try:
        with guarded():
            give()
    except SystemExit as ended:  # 3: understood, and it does not fit on the card
        return ("accepted" if ended.code in (None, 0, 3) else "refused"), "", ""
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, ExitError):  # as pods/core/report.py prints it at the end
            return "refused", printable(str(error)[:_REASON]), ""
        if type(error).__module__.partition(".")[0] in _OURS:
            return "refused", str(error), ""
        return "refused", "", _failure(error)
    return "accepted", "", ""


def _failure(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}tests{os.sep}" not in f.filename]
    ours = [f for f in frames if "site-packages" not in f.filename and f"{os.sep}lib{os.sep}python" not in f.filename]
    where = f" at {'/'.join(ours[-1].filename.split(os.sep)[-3:])}:{ours[-1].lineno}" if ours else ""
    try:
        said = ascii(str(error)[:200])
    except Exception:  # a library's exception that cannot even be printed
        said = "?"
    return f"{type(error).__name__}{where}: {said}"


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Raise HangError in what takes too much time of the processor, or waits for ever."""

    def expired(number: int, _: object) -> None:
        raise HangError(f"more than {CPU_S:g} s of CPU" if number == signal.SIGPROF else f"more than {WALL_S:g} s")

    before = {number: signal.signal(number, expired) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    signal.setitimer(signal.ITIMER_REAL, WALL_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """What is printed meanwhile, by Python's streams as a process has them, and by the descriptors 1 and 2."""
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as undo:
        for number in (1, 2):
            kept = os.dup(number)
            undo.callback(os.close, kept)
            undo.callback(os.dup2, kept, number)
            os.dup2(file.fileno(), number)
        raw = io.FileIO(file.fileno(), "w", closefd=False)
        out = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
        err = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)

        def printed() -> str:
            return os.pread(file.fileno(), 1 << 20, 0).decode(errors="surrogateescape")

        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield printed
