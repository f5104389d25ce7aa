"""Why the pods of a Deployment, Job or Service do not run, in words a stranger can act on."""

from collections.abc import Iterator

from dev.plugin.client import ApiError, Client, UnreachableError
from dev.plugin.metadata import Object, field, name_of, namespace_of, text
from dev.plugin.ready import current_replica_set, selector_of

_LONGEST = 600  # characters of a message or log that are shown
_USUAL_WAITS = {"ContainerCreating", "PodInitializing"}


def troubles(client: Client, live: Object) -> list[str]:
    """One line a trouble of the object's pods and the events about them; [] where none is known.

    Never raises: this is said on top of another error.
    """
    try:
        pods = _pods(client, live)
        found = [line for pod in pods for line in _of_pod(client, pod)]
        return [*found, *_events(client, [live, *pods])]
    except (ApiError, UnreachableError):
        return []


def _pods(client: Client, live: Object) -> list[Object]:
    namespace, kind = namespace_of(live), live.get("kind")
    if kind == "Pod":
        return [live]
    if kind == "Job":
        return client.list("v1", "Pod", namespace, f"batch.kubernetes.io/job-name={name_of(live)}")
    if kind == "Service":
        return client.list("v1", "Pod", namespace, selector_of(field(live, "spec", "selector") or {}))
    if kind != "Deployment" or not (replica_set := current_replica_set(client, live)):
        return []
    labels = selector_of(field(replica_set, "spec", "selector", "matchLabels") or {})
    return client.list("v1", "Pod", namespace, labels)


def _of_pod(client: Client, pod: Object) -> Iterator[str]:
    if not field(pod, "status", "conditions"):
        yield f"pod {name_of(pod)} is {text(pod, 'status', 'phase') or 'new'}: no scheduler has looked at it"
    for condition in field(pod, "status", "conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"pod {name_of(pod)} is not scheduled: [{condition.get('reason')}] {condition.get('message')}"
    for group in ("initContainerStatuses", "containerStatuses"):
        for status in field(pod, "status", group) or []:
            yield from _of_container(client, pod, status)


def _of_container(client: Client, pod: Object, status: Object) -> Iterator[str]:
    who = f"container {status.get('name')} of pod {name_of(pod)}"
    waiting = field(status, "state", "waiting") or {}
    if waiting and (waiting.get("reason") not in _USUAL_WAITS or waiting.get("message")):
        yield f"{who} waits: [{waiting.get('reason')}] {waiting.get('message') or ''}".rstrip()
    ended = field(status, "state", "terminated") or field(status, "lastState", "terminated") or {}
    if ended.get("exitCode"):
        said = (text(ended, "message") or _last_log_lines(client, pod, status)).strip()[-_LONGEST:]
        yield f"{who} exited with code {ended['exitCode']} ({ended.get('reason')}): {said or 'it said nothing'}"
    elif field(status, "state", "running") and not status.get("ready"):
        yield f"{who} runs but is not ready"


def _last_log_lines(client: Client, pod: Object, status: Object) -> str:
    query = {"container": text(status, "name"), "tailLines": "5"}
    try:
        return str(client.request("GET", client.path(pod, name_of(pod)) + "/log", query))
    except (ApiError, UnreachableError):
        return ""


def _events(client: Client, objects: list[Object]) -> list[str]:
    """The newest warnings about the objects, each reason once an object, at most five."""
    uids = {field(obj, "metadata", "uid"): f"{obj.get('kind') or 'Pod'} {name_of(obj)}" for obj in objects}
    newest: dict[tuple[str, str], str] = {}
    for event in client.list("v1", "Event", namespace_of(objects[0])):
        uid = text(event, "involvedObject", "uid")
        if event.get("type") == "Warning" and uid in uids:
            message = text(event, "message")[:_LONGEST]
            newest[uid, text(event, "reason")] = f"{uids[uid]}: [{text(event, 'reason')}] {message}"
    return list(newest.values())[-5:]
