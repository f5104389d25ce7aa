"""Why a Deployment, Job or Service does not get ready: what is told below a wait that failed, and during it.

What is wrong with one pod is in diagnosis.py.
"""

from collections.abc import Callable, Iterator
from functools import partial, wraps

from dev.plugin.api.client import ApiError, Client, UnreachableError
from dev.plugin.api.metadata import Object, field, items, name_of, namespace_of, text
from dev.plugin.awaiting.diagnosis import MODEL_LABEL, Trouble, diagnose
from dev.plugin.awaiting.ready import current_replica_set, selector_of

AGAIN = "after the repair run `pulumi up` again: what succeeded stays, only what failed is done anew"
# Events that repeat what the object's conditions or the containers' states say.
_SAID = {"BackOff", "BackoffLimitExceeded", "DeadlineExceeded", "Failed", "FailedScheduling", "PodFailurePolicy"}
_LONGEST = 600  # characters of an event that are shown
Teller = Callable[[Client, Object], list[str]]


def _harmless(tell: Teller) -> Teller:
    """Return [] where the cluster cannot be asked: what `tell` finds only explains an error that is reported anyway."""

    @wraps(tell)
    def told(client: Client, live: Object) -> list[str]:
        try:
            return tell(client, live)
        except (ApiError, UnreachableError):
            return []

    return told


@_harmless
def of_pods(client: Client, live: Object) -> list[str]:
    """A line for each trouble that the object's pods are in, with the next step; pods in the same one share a line."""
    groups: dict[tuple[str, str], list[Trouble]] = {}
    for pod in _pods(client, live):
        for trouble in diagnose(pod, partial(_last_log_lines, client, pod)):
            groups.setdefault((trouble.container, trouble.what), []).append(trouble)
    model = text(live, "metadata", "labels", MODEL_LABEL)
    return [_line(model, troubles) for troubles in groups.values()]


def _line(model: str, troubles: list[Trouble]) -> str:
    last = troubles[-1]
    others = f" and {len(troubles) - 1} more" if len(troubles) > 1 else ""
    who = [model and f"model {model}", f"pod {last.pod}{others}", last.container and f"container {last.container}"]
    said = ": ".join(filter(None, (", ".join(filter(None, who)), last.what, last.said)))
    return f"{said}; next: {last.step}" if last.step else said


@_harmless
def of_object(client: Client, live: Object) -> list[str]:
    """What is wrong beside the pods: with making them, with the time they had, and warnings that name neither."""
    return [*_of_conditions(live), *_events(client, [live, *_pods(client, live)])]


def _of_conditions(live: Object) -> Iterator[str]:
    kind, name = str(live.get("kind")), name_of(live)
    for condition in items(live, "status", "conditions"):
        if condition.get("status") != "True":
            continue
        if condition.get("type") == "ReplicaFailure":
            yield f"no pod could be made: [{condition.get('reason')}] {condition.get('message')}"
        if kind == "Job" and (condition.get("type"), condition.get("reason")) == ("Failed", "DeadlineExceeded"):
            see = f"`kubectl describe job {name} -n {namespace_of(live)}`"
            yield f"its time was up, and what still ran is gone: {see}"


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


def _last_log_lines(client: Client, pod: Object, container: str) -> str:
    like = {**pod, "apiVersion": "v1", "kind": "Pod"}  # items of a list do not say
    try:
        path = client.path(like, name_of(pod)) + "/log"
        return str(client.request("GET", path, {"container": container, "tailLines": "5"}))
    except (ApiError, UnreachableError):
        return ""


def _events(client: Client, objects: list[Object]) -> list[str]:
    """The newest warnings about the objects, each reason once an object, at most five."""
    uids = {field(obj, "metadata", "uid"): f"{obj.get('kind') or 'Pod'} {name_of(obj)}" for obj in objects}
    newest: dict[tuple[str, str], str] = {}
    for event in client.list("v1", "Event", namespace_of(objects[0])):
        uid, reason = text(event, "involvedObject", "uid"), text(event, "reason")
        if event.get("type") == "Warning" and uid in uids and reason not in _SAID:
            newest[uid, reason] = f"{uids[uid]}: [{reason}] {text(event, 'message')[:_LONGEST]}"
    return list(newest.values())[-5:]
