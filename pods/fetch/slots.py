"""Whose turn it is: at most `slots` models of one volume download at a time. Politeness, never safety.

A lock that is broken, or held by a machine that is gone, costs bandwidth and a line; no blob's truth depends on it.

.slots/<n>   locked by the fetcher whose turn it is; says its model and since when; touched while it lives
"""

import contextlib
import fcntl
import json
import os
import threading
import time

from pods.core import json_text
from pods.core.report import say
from pods.fetch.manifest import Manifest

SIGN_OF_LIFE_S = 30


class Patience:
    """How long a lock's holder has given no sign of life, by our own clock: a file's times are another machine's."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s, self._seen = limit_s, dict[str, tuple[int, float]]()

    def is_over(self, path: str) -> bool:
        """Has `path` stayed unmodified for the whole limit, since we first looked?"""
        now_s, sign = time.monotonic(), -1
        with contextlib.suppress(OSError):
            sign = os.stat(path).st_mtime_ns
        if path not in self._seen or self._seen[path][0] != sign:
            self._seen[path] = sign, now_s
        return now_s - self._seen[path][1] >= self._limit_s


class Slots:
    """The turn of one fetcher: taken and given back any number of times, by one thread."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest, self._fd, self._ended = manifest, -1, threading.Event()
        self._directory = os.path.join(manifest.root, ".slots")
        self._paths = [os.path.join(self._directory, str(number)) for number in range(manifest.slots)]
        self._shown_s = 0.0

    def take(self) -> bool:
        """Return when it is our turn: was there a wait? Nothing is held or open meanwhile."""
        if self._fd >= 0 or not self._paths:
            return False
        began_s, patience, waited = time.monotonic(), Patience(self._manifest.patience_s), False
        while not self._is_settled(patience):
            waited = True
            self._tell(began_s)
            time.sleep(self._manifest.backoff_s)
        return waited

    def release(self) -> None:
        self._ended.set()
        if self._fd >= 0:
            with contextlib.suppress(OSError):  # a network file system may tell only here that the disk is full
                os.close(self._fd)
            self._fd = -1

    def _is_settled(self, patience: Patience) -> bool:
        """Have we a turn, or good reason to go on without one?"""
        try:
            if self._try_all():
                return True
        except OSError as error:
            return self._go_without(f"no lock to be had: {error}")
        silent = [path for path in self._paths if patience.is_over(path)]
        return bool(silent) and self._go_without(f"no sign of life from {', '.join(_holders(silent))}")

    def _try_all(self) -> bool:
        os.makedirs(self._directory, exist_ok=True)
        for path in self._paths:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
            except OSError:
                os.close(fd)
                raise
            else:
                self._hold(fd, path)
                return True
        return False

    def _hold(self, fd: int, path: str) -> None:
        self._fd, self._ended = fd, threading.Event()
        with contextlib.suppress(OSError):  # a full volume still has turns
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps({"id": self._manifest.id, "since": int(time.time())}).encode(), 0)
        threading.Thread(target=_live, args=(path, self._ended), daemon=True).start()

    def _go_without(self, why: str) -> bool:
        say("no-slot", reason=f"{why}; going on without a turn")
        self._paths = []
        return True

    def _tell(self, began_s: float) -> None:
        if (now_s := time.monotonic()) - self._shown_s < self._manifest.progress_s:
            return
        self._shown_s = now_s
        say("waiting", reason="others download", holders=_holders(self._paths), waited_s=round(now_s - began_s))


def _live(path: str, ended: threading.Event) -> None:
    while not ended.wait(SIGN_OF_LIFE_S):
        with contextlib.suppress(OSError):
            os.utime(path)


def _holders(paths: list[str]) -> list[str]:
    """Who has these slots and for how long, as far as the files tell."""
    found = list[str]()
    for path in paths:
        try:
            holder = json_text.read(path)
            found.append(f"{str(holder['id'])[:63]}: {max(0, round(time.time() - holder['since']))} s")
        except (OSError, ValueError, KeyError, TypeError):
            found.append(f"{path}: somebody")
    return found
