"""Which events of the stack's objects no waiting mends: an update that sees one need not wait until its time is up.

Everything else may pass: an image that is being pulled, a node that is not ready for a moment, a server that is away.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from plan.base import names
from plan.text.show import words

_SHOWN = 400  # characters of an event
_UNPLACED = "FailedScheduling"
_SOON_S = 20  # what was made a moment ago is not known to everyone yet
_POLICY_S = 60  # a policy's own server may be away for a moment, and denies meanwhile
# How Kubernetes ends a name that it makes (v1.36, apimachinery/pkg/util/rand, apiserver/pkg/storage/names): without
# vowels, so that no word comes of it, and after a beginning that it cuts.
_SIGN, _ENDING, _GENERATED = "[bcdfghjklmnpqrstvwxz2456789]", 5, 63
_DEPLOYMENTS = (names.SERVER, names.ADVERTISER)


@dataclass(frozen=True, slots=True)
class Event:
    """What Kubernetes reports of one object."""

    kind: str
    name: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Hopeless:
    """`what` has the object and the event's words, `step` what has to be done."""

    what: str
    step: str


class _Rule(NamedTuple):
    reason: str
    said: str
    step: str
    patience_s: int = 0  # for so long it may pass


_RULES = (
    # kubernetes v1.36, pkg/volume/local/local.go; mount(8) of util-linux.
    _Rule(
        "FailedMount",
        r'path "[^"]*" does not exist|special device \S+ does not exist',
        "make that directory on the node, for server.uid and server.gid, or correct volume.local.path",
    ),
    # nfs-utils 2.8, utils/mount/error.c: what the server has answered, and not that it is away.
    _Rule(
        "FailedMount",
        r"reason given by server:\s+No such file or directory",
        "make that directory on the NFS server and export it, or correct volume.nfs.path",
    ),
    _Rule(
        "FailedMount",
        r"access denied by server while mounting|reason given by server:\s+Permission denied",
        "export that directory to the address of the node (exports(5)), or correct volume.nfs.path",
        _SOON_S,
    ),
    # kubernetes v1.36, pkg/volume/configmap, pkg/kubelet/kubelet_pods.go.
    _Rule(
        "FailedMount",
        r'(configmap|secret) "[^"]*" not found|references non-existent (config|secret) key',
        "make it in the namespace {namespace}, or correct fetch.ca_configmap",
        _SOON_S,
    ),
    _Rule(
        "Failed",
        r'Error: (configmap|secret) "[^"]*" not found|couldn\'t find key ',
        "make it in the namespace {namespace}, or correct fetch.token_secret or fetch.proxy_secret",
        _SOON_S,
    ),
    # A scheduler hears of a claim a moment after it was made.
    _Rule(_UNPLACED, r'persistentvolumeclaim "[^"]*" not found', "make that claim, or correct volume.name", _SOON_S),
    # k8s.io/pod-security-admission v0.36, admission/admission.go.
    _Rule(
        "FailedCreate",
        r"violates PodSecurity",
        "see the level that `kubectl describe namespace {namespace}` shows, and who changes pods on their way",
    ),
    # k8s.io/apiserver v0.36, pkg/admission/plugin/resourcequota; a quota counts again a moment after a pod has gone.
    _Rule("FailedCreate", r"exceeded quota", "`kubectl describe resourcequota -n {namespace}`, and raise it", 60),
    _Rule(
        "FailedCreate",
        r"failed quota|(minimum|maximum) \S+ usage per",
        "compare `kubectl describe resourcequota,limitrange -n {namespace}` with what the stack file asks for",
    ),
    _Rule("FailedCreate", r"no PriorityClass with name", "make that PriorityClass, or correct server.priority_class"),
    _Rule("FailedCreate", r"RuntimeClass .* not found", "make that RuntimeClass, or correct gpu.node.runtime_class"),
    # Not where it denies because it could not ask somebody.
    _Rule(
        "FailedCreate",
        r"(?is)^(?!.*(time(d )?out|deadline exceeded|connection refused|no such host)).*denied (the )?request",
        "ask who runs that policy, which is not of this stack",
        _POLICY_S,
    ),
)
# Taints that say for whom a node is. Any other may be one of a node that begins, is emptied or goes, and every network,
# disk and autoscaler has its own: node.cilium.io/agent-not-ready, ToBeDeletedByClusterAutoscaler.
_FOR_SOMEBODY = r"node-role\.kubernetes\.io/[^:}]*|([\w.-]+/)?(gpu|dedicated)|CriticalAddonsOnly"
# A part of the scheduler's sentence that is true of a node for as long as nobody changes node or stack
# (kubernetes v1.36, pkg/scheduler/framework/plugins). What a node is short of, a pod may give back, and a node that is
# unschedulable is one that somebody restarts.
_LASTING = re.compile(
    r"node\(s\) (didn't match Pod's node affinity/selector|had volume node affinity conflict|"
    r"didn't match PersistentVolume's node affinity|"
    rf"had untolerated taint(\(s\))? \{{({_FOR_SOMEBODY}): [^}}]*\}})"
)
_NODES = re.compile(r"0/(\d+) nodes are available: (.*?)\.(?: |$)")
_NO_NODE = "correct gpu.node, or volume.local.node, or `kubectl describe node` shows what to change there"


def is_ours(event: Event, models: Iterable[str]) -> bool:
    """Whether it is about an object that an update waits for, or one that such an object has made.

    `models` are the ids of the stack's models. Whatever else begins with such a name is somebody else's.
    """
    jobs = (names.PREFLIGHT_JOB, *map(names.fetch_job, models))
    match event.kind:
        case "Job":
            return event.name in jobs
        case "Deployment":
            return event.name in _DEPLOYMENTS
        case "ReplicaSet":
            return _of_deployment(event.name)
        case "Pod":
            begins, ends = event.name[:-_ENDING], event.name[-_ENDING:]
            of_job = any(begins == f"{job}-"[: _GENERATED - _ENDING] for job in jobs)
            of_replicas = begins.endswith("-") and _of_deployment(begins[:-1])
            return bool(re.fullmatch(f"{_SIGN}{{{_ENDING}}}", ends)) and (of_job or of_replicas)
        case _:
            return False


def _of_deployment(name: str) -> bool:
    """Whether it is a ReplicaSet's name: the Deployment's, and a hash of up to ten digits."""
    return any(re.fullmatch(f"{re.escape(own)}-{_SIGN}{{1,10}}", name) for own in _DEPLOYMENTS)


def words_alike(event: Event) -> str:
    """The event's words without what differs each time it is tried: endings of names that Kubernetes made, and numbers.

    What has to stay for a while is the same as before where these are.
    """
    return re.sub(rf"-{_SIGN}{{{_ENDING}}}\b|\d+", "", event.message)


def stands(event: Event) -> bool:
    """Whether it is said once and then true until another event of the object; others are said again and again.

    The scheduler tries a pod again when a claim was made, and then says where it put it.
    """
    return event.reason == _UNPLACED and "persistentvolumeclaim" in event.message


def hopeless(event: Event, namespace: str, seen_for_s: float) -> Hopeless | None:
    """What to tell where the event, seen for so long, is one that no waiting mends."""
    for rule in _RULES:
        if rule.reason == event.reason and re.search(rule.said, event.message) and seen_for_s >= rule.patience_s:
            return Hopeless(_told(event), rule.step.format(namespace=namespace))
    if event.reason == _UNPLACED and _no_node_ever(event.message) and seen_for_s >= _SOON_S:
        return Hopeless(_told(event), _NO_NODE)
    return None


def _no_node_ever(message: str) -> bool:
    found = _NODES.search(message)
    if not found:
        return False
    parts = re.findall(r"(\d+) (.*?)(?=, \d+ |$)", found[2])
    lasting = sum(int(count) for count, why in parts if _LASTING.fullmatch(why))
    return 0 < int(found[1]) <= lasting


def _told(event: Event) -> str:
    return f"{event.kind} {event.name}: [{event.reason}] {words(event.message, _SHOWN)}"
