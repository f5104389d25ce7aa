"""Reads the events of a namespace while an update runs, and tells of the first that no waiting mends."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping

from plan.live.kubectl_answer import unquoted
from plan.live.objects.hopeless import Event, Hopeless, hopeless, is_ours

# Blanks between the fields, none within: of what it watches kubectl writes tabs as blanks (1.36).
_LINE = "{{.involvedObject.kind}} {{.involvedObject.name}} {{.reason}} {{urlquery .message}}\n"
_FIELDS = len(_LINE.split("}} {{"))
_BEFORE_S = 20  # for the list of what was there before


class Watch:
    """A kubectl that watches, from when this is made until `end`. `found` is called at most once, in a thread.

    What was there before this was made is no matter: the update may replace it. Where events may not be read nothing is
    found.
    """

    def __init__(self, namespace: str, env: Mapping[str, str], found: Callable[[Hopeless], None]) -> None:
        self._namespace, self._found = namespace, found
        self._kubectl = _get(namespace, env, "events", "--watch-only", f"--output=go-template={_LINE}")
        listed = _get(namespace, env, "pods,jobs,replicasets", "--output=name", f"--request-timeout={_BEFORE_S}s")
        self._before = {line.partition("/")[2] for line in listed.communicate()[0].splitlines()}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def end(self) -> None:
        self._kubectl.kill()
        self._reader.join()
        self._kubectl.communicate()

    def _read(self) -> None:
        first_seen: dict[tuple[str, str], float] = {}
        for line in self._kubectl.stdout or ():
            fields = line.split()
            if len(fields) != _FIELDS:
                continue
            kind, name, reason, message = fields
            event = Event(kind, name, reason, unquoted(message))
            if name in self._before or not is_ours(event):
                continue
            now = time.monotonic()
            seen_for_s = now - first_seen.setdefault((name, reason), now)
            if told := hopeless(event, self._namespace, seen_for_s):
                self._found(told)
                return


def _get(namespace: str, env: Mapping[str, str], *what: str) -> "subprocess.Popen[str]":
    """A kubectl with the kubeconfig of `env`; what it complains of costs the update nothing."""
    nothing = subprocess.DEVNULL
    argv = ["kubectl", "get", "-n", namespace, *what]
    return subprocess.Popen(argv, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing, text=True, env=dict(env))
