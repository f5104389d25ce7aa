"""Reads the events of a namespace while an update runs, and tells of the first that no waiting mends."""

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from plan.live.kubectl_answer import unquoted
from plan.live.objects.hopeless import Event, Hopeless, hopeless, is_ours, stands, words_alike

# Blanks between the fields, none within: of what it watches kubectl writes tabs as blanks (1.36).
_LINE = "{{.involvedObject.kind}} {{.involvedObject.name}} {{.reason}} {{urlquery .message}}\n"
_FIELDS = len(_LINE.split("}} {{"))
_BEFORE_S = 20  # for the list of what was there before
_AGAIN_S = 1.0  # how often it is seen whether one has stood for too long


class Watch:
    """A kubectl that watches, from when this is made until `end`. `found` is called at most once, in a thread.

    `models` are the ids of the stack's models, by which its Jobs are known. What was there before this was made is no
    matter: the update may replace it. Where events may not be read nothing is found.
    """

    def __init__(
        self, namespace: str, models: Collection[str], env: Mapping[str, str], found: Callable[[Hopeless], None]
    ) -> None:
        self._namespace, self._models, self._found = namespace, models, found
        self._kubectl = _get(namespace, env, "events", "--watch-only", f"--output=go-template={_LINE}")
        listed = _get(namespace, env, "pods,jobs,replicasets", "--output=name", f"--request-timeout={_BEFORE_S}s")
        self._before = {line.partition("/")[2] for line in listed.communicate()[0].splitlines()}
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=it, daemon=True) for it in (self._listen, self._judge)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._kubectl.kill()
        for thread in self._threads:
            thread.join()
        self._kubectl.communicate()

    def _listen(self) -> None:
        for line in self._kubectl.stdout or ():
            self._lines.put(line)
        self._lines.put(None)

    def _judge(self) -> None:
        """Tell of the first that has been so for too long, counted from when the same was first said of an object."""
        first_seen: dict[tuple[str, str, str], float] = {}
        standing: dict[str, Event] = {}
        for event in self._events():
            if event:
                standing.pop(event.name, None)
                if stands(event):
                    standing[event.name] = event
            now = time.monotonic()
            for one in (event, *standing.values()):
                if not one:
                    continue
                since = first_seen.setdefault((one.name, one.reason, words_alike(one)), now)
                if told := hopeless(one, self._namespace, now - since):
                    self._found(told)
                    return

    def _events(self) -> Iterator[Event | None]:
        """Those of the stack's new objects as they come, and None whenever there is none for a moment."""
        while True:
            try:
                line = self._lines.get(timeout=_AGAIN_S)
            except queue.Empty:
                yield None
                continue
            if line is None:
                return
            fields = line.split()
            if len(fields) != _FIELDS:
                continue
            kind, name, reason, message = fields
            event = Event(kind, name, reason, unquoted(message))
            if name not in self._before and is_ours(event, self._models):
                yield event


def _get(namespace: str, env: Mapping[str, str], *what: str) -> "subprocess.Popen[str]":
    """A kubectl with the kubeconfig of `env`; what it complains of costs the update nothing."""
    nothing = subprocess.DEVNULL
    argv = ["kubectl", "get", "-n", namespace, *what]
    return subprocess.Popen(argv, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing, text=True, env=dict(env))
