"""Which events of the stack's objects no waiting mends: an update that sees one need not wait until its time is up.

Everything else may pass: an image that is being pulled, a node that is not ready for a moment, a server that is away.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from plan.base import names
from plan.text.show import words

_SHOWN = 400  # characters of an event
_SOON_S = 20  # what was made a moment ago is not known to everyone yet
_OURS = (names.SERVER, names.ADVERTISER, names.PREFLIGHT_JOB, names.fetch_job("").rstrip("-"))


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
    _Rule("FailedScheduling", r'persistentvolumeclaim "[^"]*" not found', "make that claim, or correct volume.name"),
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
    _Rule("FailedCreate", r"denied the request|denied request", "ask who runs that policy, which is not of this stack"),
)
# A part of the scheduler's sentence that is true of a node for as long as nobody changes node or stack
# (kubernetes v1.36, pkg/scheduler/framework/plugins). What a node is short of, a pod may give back.
_LASTING = re.compile(
    r"node\(s\) (didn't match Pod's node affinity/selector|had volume node affinity conflict|"
    r"didn't match PersistentVolume's node affinity|were unschedulable|"
    r"had untolerated taint(\(s\))? \{(?!node\.(kubernetes|cloudprovider)\.)[^}]*\})"
)
_NODES = re.compile(r"0/(\d+) nodes are available: (.*?)\.(?: |$)")
_NO_NODE = "correct gpu.node, or volume.local.node, or `kubectl describe node` shows what to change there"


def is_ours(event: Event) -> bool:
    """Whether it is about an object of the stack, or one that such an object has made."""
    return any(event.name == own or event.name.startswith(f"{own}-") for own in _OURS)


def hopeless(event: Event, namespace: str, seen_for_s: float) -> Hopeless | None:
    """What to tell where the event, seen for so long, is one that no waiting mends."""
    for rule in _RULES:
        if rule.reason == event.reason and re.search(rule.said, event.message) and seen_for_s >= rule.patience_s:
            return Hopeless(_told(event), rule.step.format(namespace=namespace))
    if event.reason == "FailedScheduling" and _no_node_ever(event.message) and seen_for_s >= _SOON_S:
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
