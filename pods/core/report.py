"""How a pod's program speaks: JSON lines on stdout, an exit code (sysexits.h), its reason as termination message."""

import errno
import json
import os
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

_REASON_LENGTH = 4096  # what the kubelet keeps of a termination message
FULL = (errno.ENOSPC, errno.EDQUOT)
# Something lies where ours would; another try finds it again.
_IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
TERMINATION_LOG = os.environ.get("TERMINATION_LOG", "/dev/termination-log")


class ExitError(Exception):
    """The run ends: exit code and what to tell the person."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


def printable(text: str) -> str:
    """The text with every sign that a terminal would act on, or that nobody sees, written as Python does: \\x1b."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def say(event: str, **facts: Any) -> None:
    """Print one JSON line, unbuffered, so that it is not lost when the process ends abruptly."""
    os.write(1, (json.dumps({"event": event, **facts}) + "\n").encode())


class Progress:
    """Bytes on the volume, rate since the line before and time left, a line every `every_s` seconds."""

    def __init__(self, every_s: float, total_bytes: int) -> None:
        self.total_bytes, self.finished_bytes = total_bytes, 0
        self._every_s, self._shown_s, self._shown_bytes = every_s, time.monotonic(), -1

    def show(self, file: str, got_bytes: int) -> None:
        now_s, have = time.monotonic(), self.finished_bytes + got_bytes
        if self._shown_bytes < 0:  # what an earlier run left counts as present, not as speed
            self._shown_bytes = have
        if (elapsed_s := now_s - self._shown_s) < self._every_s:
            return
        rate = (have - self._shown_bytes) / elapsed_s
        eta_s = round((self.total_bytes - have) / rate) if rate else None
        facts = {"bytes": have, "total_bytes": self.total_bytes, "mib_s": round(rate / 2**20, 1), "eta_s": eta_s}
        say("progress", file=file, **facts)
        self._shown_s, self._shown_bytes = now_s, have


def run(action: Callable[[], None]) -> NoReturn:
    """Run `action` and end the process at once, threads that wait for the network included."""
    signal.signal(signal.SIGTERM, _stopped)
    try:
        action()
    except ExitError as failure:
        _end(failure)
    except OSError as error:
        _end(of_disk(error))
    except Exception as error:
        _end(_unforeseen(error))
    os._exit(0)


def _unforeseen(error: Exception) -> ExitError:
    """A fault of ours, by its kind and place alone: what its text repeats may be a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    say("unforeseen", kind=type(error).__name__, at=[f"{it.filename}:{it.lineno} {it.name}" for it in frames])
    ours = [it for it in frames if f"{os.sep}pods{os.sep}" in it.filename] or frames
    place = f"{os.path.basename(ours[-1].filename)}:{ours[-1].lineno}"
    what = f"a fault of this program, {type(error).__name__} in {place}"
    return ExitError(70, f'{what}: please report it, with the line "unforeseen" of this log; the next run tries again')


def _stopped(*_: object) -> NoReturn:
    # Ends here instead of raising: an exception is lost where Python runs the handler inside a weakref's callback.
    _end(ExitError(128 + signal.SIGTERM, "ended by SIGTERM; the next run goes on from here"))


def _end(failure: ExitError) -> NoReturn:
    reason = printable(str(failure)[:_REASON_LENGTH])
    say("failed", code=failure.code, reason=reason)
    try:
        log = os.open(TERMINATION_LOG, os.O_WRONLY | os.O_TRUNC)  # the kubelet made it; never litter another /dev
        os.write(log, reason.encode()[:4096])
    except OSError:
        pass
    os._exit(failure.code)


def of_disk(error: OSError) -> ExitError:
    """What an error of the volume means, and what a person can do about it."""
    # A link's first name is where it leads to, which is no place here.
    names = [str(name) for name in (error.filename2, error.filename) if os.path.isabs(str(name or ""))]
    path = names[-1] if names else "the volume"
    if error.errno in FULL:
        return ExitError(
            73, f"{path}: {error.strerror}; enlarge the volume or prune old generations, what is here is kept"
        )
    if error.errno == errno.EROFS:
        return ExitError(73, f"{path}: the volume is mounted read-only; mount it read-write where the Jobs run")
    # Where nothing of the kind is there any more, another program was about to remove it.
    if error.errno in _IN_THE_WAY and names and (error.errno != errno.EEXIST or _is_no_directory(path)):
        return ExitError(78, f"{path}: {error.strerror}; only our programs write there, move away what lies there")
    if error.errno in (errno.EACCES, errno.EPERM) and names:
        refusing = [_refusing(name) for name in names]
        return _of_owner(next((path for path in refusing if not os.access(path, os.W_OK)), refusing[0]))
    return ExitError(74, f"{path}: {error}; look at the volume's server, the next run goes on from here")


def _is_no_directory(path: str) -> bool:
    return os.path.lexists(path) and not os.path.isdir(path)


def _refusing(path: str) -> str:
    """What did not let us write `path`: itself, or the directory that it is in or would be in."""
    there = os.path.lexists(path)
    while path != "/" and (not there or not os.access(os.path.dirname(path), os.W_OK | os.X_OK)):
        path = os.path.dirname(path)
        if there := os.path.lexists(path):
            break
    return path


def _of_owner(path: str) -> ExitError:
    stat, me = os.lstat(path), f"{os.getuid()}:{os.getgid()}"
    owner = f"{stat.st_uid}:{stat.st_gid}, mode {stat.st_mode & 0o7777:o}"
    fix = (
        f"run `chown -R {me} {path}` where the volume lives, set the stack's uid and gid to the owner's, "
        "or set volume.fs_group: true where the volume's driver honours it"
    )
    if path == "/":
        fix = "is the volume mounted?"
    return ExitError(73, f"{path} belongs to {owner}; {me} may not write there: {fix}")
