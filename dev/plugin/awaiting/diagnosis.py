"""What is wrong with one pod, and the one step to take next. Knows this stack's keys by the names of its containers."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dev.plugin.api.metadata import Object, field, items, name_of, namespace_of, text

MODEL_LABEL = "local-llm/model"  # of a Job that works for one model, and of its pods
_LONGEST = 600  # characters of a message or log that are shown
_USUAL_WAITS = {"ContainerCreating", "PodInitializing"}
_PULL = {"ErrImageNeverPull", "ErrImagePull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName"}
_IMAGE_KEYS = {
    "server": "server.image",
    "preflight": "server.image",
    "fetch": "fetch.image",
    "models-ready": "fetch.image",
}
_MEMORY_KEYS = {"server": "server.memory_limit_mib"}
# A part of the scheduler's message -> the key of the stack file to look at.
_PLACE_KEYS = (
    (r"didn't match Pod's node affinity/selector", "gpu.node.selector"),
    (r"untolerated taint", "gpu.node.tolerations"),
    (r"Insufficient \S+/", "gpu.slice"),
    (r"Insufficient memory", "server.memory_request_mib"),
    (r"volume node affinity", "volume.local.node"),
)
_PREEMPTION = r"[.,]? (no new claims to deallocate, )?preemption: .*"  # which nodes the scheduler could not free either
# Exit codes of our own programs (sysexits.h): their last message names the repair.
_EXPLAINED = {65, 66, 69, 73, 74, 77, 78, 143}


@dataclass(frozen=True, slots=True)
class Trouble:
    """`what` is the same for all pods in the same trouble; `said` are the words of the container or scheduler."""

    pod: str
    container: str
    what: str
    said: str
    step: str


def diagnose(pod: Object, log: Callable[[str], str]) -> Iterator[Trouble]:
    """The pod's troubles. `log` gives the last lines of a container, "" where it has none."""
    name, describe = name_of(pod), f"`kubectl describe pod {name_of(pod)} -n {namespace_of(pod)}`"
    conditions = items(pod, "status", "conditions")
    if not conditions:
        phase = text(pod, "status", "phase") or "new"
        yield Trouble(name, "", f"{phase}, no scheduler has looked at it", "", describe)
    for condition in conditions:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            said = re.sub(_PREEMPTION, "", text(condition, "message"))
            yield Trouble(name, "", f"not scheduled ({condition.get('reason')})", said, _place(pod, said))
    for group in ("initContainerStatuses", "containerStatuses"):
        for status in items(pod, "status", group):
            if not status.get("ready"):  # an earlier failure of a container that is ready now does not matter
                yield from _of_container(pod, status, describe, log)


def _of_container(pod: Object, status: Object, describe: str, log: Callable[[str], str]) -> Iterator[Trouble]:
    name, container = name_of(pod), text(status, "name")
    waiting: Object = field(status, "state", "waiting") or {}
    reason = text(status, "state", "waiting", "reason")
    ended: Object = field(status, "state", "terminated") or field(status, "lastState", "terminated") or {}
    if reason in _PULL:
        image = f"{_IMAGE_KEYS[container]} of the stack file" if container in _IMAGE_KEYS else "the image"
        step = f"check name and digest of {image}, and the node's access to that registry: {describe}"
        yield Trouble(name, container, reason, _short(text(waiting, "message")), step)
    elif code := ended.get("exitCode"):
        what = f"exited with code {code} ({ended.get('reason')})"
        said = _short(text(ended, "message") or log(container)) or "it said nothing"
        yield Trouble(name, container, f"{reason}, {what}" if reason else what, said, _after_exit(pod, status, ended))
    elif waiting and (reason not in _USUAL_WAITS or waiting.get("message")):
        yield Trouble(name, container, reason or "waits", _short(text(waiting, "message")), describe)
    elif field(status, "state", "running") is not None:
        what, why = _running(pod, container)
        said = log(container).rstrip().rpartition("\n")[2]
        yield Trouble(name, container, what, _short(said), f"see {why}: `{_logs(pod, container)}`")


def _after_exit(pod: Object, status: Object, ended: Object) -> str:
    container, restarts = text(status, "name"), bool(field(status, "lastState", "terminated"))
    if ended.get("reason") == "OOMKilled":
        limit = text(_spec(pod, container), "resources", "limits", "memory") or "the node's"
        key = f"{_MEMORY_KEYS[container]} in the stack file" if container in _MEMORY_KEYS else "its limit"
        return f"raise {key}, it needs more memory than {limit}"
    gone = sorted(set(re.findall(r"/models/([a-z0-9-]+)/", text(ended, "message"))))
    if gone and container == "models-ready":
        jobs = f"kubectl delete job -l '{MODEL_LABEL} in ({','.join(gone)})' -n {namespace_of(pod)}"
        return f"`{jobs}`, then `pulumi up --refresh` fetches them again"
    if not restarts and text(ended, "message") and ended.get("exitCode") in _EXPLAINED:
        return ""
    return f"`{_logs(pod, container)}{' --previous' if restarts else ''}`"


def _running(pod: Object, container: str) -> tuple[str, str]:
    """What a running container has not done yet, and what its log tells about it."""
    if any(item.get("name") == container for item in items(pod, "spec", "initContainers")):
        return "runs and has not ended, the containers after it wait", "what it waits for"
    if field(pod, "spec", "restartPolicy") == "Always":
        return "runs but is not ready", "why its readiness probe fails"
    return "still runs", "how far it is"


def _place(pod: Object, said: str) -> str:
    ours = _spec(pod, "server") or _spec(pod, "preflight")
    keys = [key for pattern, key in _PLACE_KEYS if re.search(pattern, said) and ours]
    asked = f"{' and '.join(keys)} of the stack file" if keys else "what the pod asks for"
    return f"compare {asked} with what `kubectl describe node` shows"


def _spec(pod: Object, container: str) -> Object:
    containers = [*items(pod, "spec", "initContainers"), *items(pod, "spec", "containers")]
    return next((item for item in containers if item.get("name") == container), Object())


def _logs(pod: Object, container: str) -> str:
    return f"kubectl logs {name_of(pod)} -n {namespace_of(pod)} -c {container}"


def _short(message: str) -> str:
    return " | ".join(message.strip().splitlines())[-_LONGEST:]
