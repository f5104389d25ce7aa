"""Waiting until an object is ready or gone, and what to tell a person when it does not get there.

What "ready" means for each kind is in ready.py; looking into failed pods is in troubles.py.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from dev.plugin.api.client import ApiError, Client, UnreachableError
from dev.plugin.api.metadata import (
    REVISION,
    SKIP_AWAIT,
    TIMEOUT_SECONDS,
    WAIT_FOR,
    Object,
    annotation,
    field,
    id_of,
    is_set,
    name_of,
)
from dev.plugin.awaiting.ready import CHECKS, NOT_AWAITED_HERE, FailedError, Look
from dev.plugin.awaiting.troubles import AGAIN, of_object, of_pods

_POLL_S = 0.25
_REPORT_EVERY_S = 10.0
_DEFAULT_TIMEOUT_S = 600.0
_VOLUME_TIMEOUT_S = 300.0  # fixed in the official plugin, whatever the resource asks for
_SKIPPABLE_DELETES = {"DaemonSet", "Deployment", "Job", "Namespace", "Pod", "ReplicationController", "StatefulSet"}


class InitFailedError(Exception):
    """The object exists but is not as wished; the engine keeps it in state together with `reasons`."""

    def __init__(
        self,
        message: str,
        reasons: list[str],
        live: Object,
        outputs: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.reasons = reasons
        self.live = live
        self.outputs = outputs or {}
        self.inputs = inputs

    @property
    def object_id(self) -> str:
        return id_of(self.live)


class _Told:
    """The status line of one wait: what is missing, and every few seconds what is wrong with the pods instead.

    `pods` keeps the last lines about them, because the pods of a Job that ran out of time are deleted with it.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._waiting_for = self._line = ""
        self._at_s = 0.0
        self.pods: list[str] = []

    def tell(self, waiting_for: str, elapsed_s: float, pods: Callable[[], list[str]]) -> None:
        line = self._line if waiting_for == self._waiting_for else waiting_for
        if elapsed_s - self._at_s >= _REPORT_EVERY_S:
            self._at_s = elapsed_s
            now = pods()
            self.pods = now or self.pods
            line = " / ".join(now[:2]) or waiting_for
        if line != self._line:
            self._say(line)
        self._waiting_for, self._line = waiting_for, line

    def done(self) -> None:
        """Take the line away, if there was one."""
        if self._line:
            self._say("")


class Waiter:
    """Waits by polling. `say` shows a line as the resource's status; `cancelled` ends every wait."""

    def __init__(self, client: Client, cancelled: threading.Event, say: Callable[[str], None]) -> None:
        self._client = client
        self._cancelled = cancelled
        self._say = say

    def until_ready(self, inputs: Object, live: Object, previous: Object | None, timeout_s: float) -> Object:
        """The live object once it is ready; raises InitFailedError. `previous` is the object before an update."""
        kind = (live.get("apiVersion"), live.get("kind"))
        if is_set(inputs, SKIP_AWAIT):
            return live
        if annotation(inputs, WAIT_FOR):
            raise InitFailedError(f"{WAIT_FOR} needs the official Kubernetes plugin; remove the annotation", [], live)
        if kind in NOT_AWAITED_HERE:
            message = f"waiting for a {kind[1]} needs the official Kubernetes plugin; or annotate it {SKIP_AWAIT}"
            raise InitFailedError(message, [], live)
        if kind not in CHECKS:
            return live
        limit_s = _VOLUME_TIMEOUT_S if str(kind[1]).startswith("PersistentVolume") else _limit(inputs, timeout_s)
        begun, told, rolled_from = time.monotonic(), _Told(self._say), _rolled_from(previous, live)
        while True:
            elapsed_s = time.monotonic() - begun
            look = Look(elapsed_s, created=previous is None, rolled_from=rolled_from)
            live, missing = self._look(live, look, told)
            if not missing:
                told.done()
                return live
            told.tell(missing[0], elapsed_s, lambda: of_pods(self._client, live))  # noqa: B023 - called at once
            if elapsed_s > limit_s:
                reason = f"not ready after {limit_s:.0f} s: {'; '.join(missing)}"
                raise self._failed(f"'{name_of(live)}' timed out waiting to be Ready", reason, live, told)
            if self._cancelled.wait(_POLL_S if elapsed_s < _REPORT_EVERY_S else 4 * _POLL_S):
                message = f"Resource operation was cancelled for '{name_of(live)}'"
                raise InitFailedError(message, [*missing, *told.pods], live)

    def _look(self, live: Object, look: Look, told: _Told) -> tuple[Object, list[str]]:
        """The live object and what it still misses. A server that does not answer now may answer later."""
        try:
            live = self._client.get(live)
            return live, CHECKS[live["apiVersion"], live["kind"]](self._client, live, look)
        except FailedError as failure:
            message = f"Resource '{name_of(live)}' was created but failed to initialize"
            raise self._failed(message, str(failure), live, told) from None
        except (ApiError, UnreachableError) as error:
            return live, [str(error)]

    def _failed(self, message: str, reason: str, live: Object, told: _Told) -> InitFailedError:
        pods = of_pods(self._client, live) or [f"seen before: {line}" for line in told.pods]
        return InitFailedError(message, [reason, *pods, *of_object(self._client, live), AGAIN], live)

    def until_gone(self, inputs: Object, target: Object, timeout_s: float) -> None:
        """Returns once the object is deleted, or another one has its name; raises InitFailedError."""
        if is_set(inputs, SKIP_AWAIT) and target.get("kind") in _SKIPPABLE_DELETES:
            return
        uid, deadline = field(target, "metadata", "uid"), time.monotonic() + _limit(inputs, timeout_s)
        live = target
        while True:
            try:
                live = self._client.get(target)
            except ApiError as error:
                if error.code == 404:
                    return
                raise
            except UnreachableError:
                if time.monotonic() > deadline:
                    raise
            if uid and field(live, "metadata", "uid") != uid:
                return
            finalizers: list[str] = field(live, "metadata", "finalizers") or []
            if time.monotonic() > deadline or self._cancelled.wait(_POLL_S):
                reason = f"it still has finalizers {finalizers}: whoever set them has to finish first"
                raise InitFailedError(f"'{name_of(target)}' was not deleted in time", [reason], live)


def read_ready(client: Client, inputs: Object, live: Object) -> list[str]:
    """Why the object is not ready at this moment; [] when it is, or when nobody waits for it."""
    kind = (live.get("apiVersion"), live.get("kind"))
    if is_set(inputs, SKIP_AWAIT) or kind not in CHECKS or str(kind[1]).startswith("PersistentVolume"):
        return []
    try:
        missing = CHECKS[kind](client, live, Look(once=True))
    except FailedError as failure:
        missing = [str(failure)]
    return [*missing, *of_pods(client, live), *of_object(client, live)] if missing else []


def _rolled_from(previous: Object | None, live: Object) -> str:
    """The revision before an update that changed the pod template; "" for anything else."""
    if previous is None or field(previous, "spec", "template") == field(live, "spec", "template"):
        return ""
    return annotation(previous, REVISION)


def _limit(inputs: Object, timeout_s: float) -> float:
    wished = annotation(inputs, TIMEOUT_SECONDS)
    return timeout_s or (float(wished) if wished.isdecimal() else _DEFAULT_TIMEOUT_S)
