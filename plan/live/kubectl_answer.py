"""Reads what kubectl printed for question.py: the objects, or which kinds it was refused."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from plan.config.tolerations import PodToleration
from plan.live import question
from plan.live.observed import (
    Entry,
    Kind,
    Node,
    Observed,
    Pod,
    RuntimeClass,
    Taint,
    Volume,
    Workload,
)
from plan.text.decode import text_of
from plan.text.errors import Source, TextError
from plan.text.show import show, words

# k8s.io/apiserver v0.36, endpoints/handlers/responsewriters/errors.go.
_FORBIDDEN = re.compile(r'Error from server \(Forbidden\): .*cannot list resource "([a-z]+)"')
# What kubectl says besides: klog's lines, and warnings of the API server.
_ASIDE = re.compile(r"[IWE]\d{4} |Warning: ")


@dataclass(frozen=True, slots=True)
class Answer:
    """What kubectl printed, and the kinds that it was refused, each with the API server's words."""

    printed: bytes | str
    refused: Mapping[str, str] = field(default_factory=dict[str, str])


def refusals(said: str) -> Mapping[str, str]:
    """The kinds that may not be listed, by what kubectl said; none where it failed for another reason too."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, said.splitlines())):
        if match := _FORBIDDEN.match(line):
            found[match[1]] = words(line.rstrip("."))
        elif not _ASIDE.match(line):
            return {}
    return found if found.keys() <= set(question.KINDS) else {}


def parse(answer: Answer) -> Observed:
    """Raises ValueError for what the template does not print, and where the cluster's own id is missing."""
    rows: dict[str, list[list[str]]] = {kind: [] for kind in _FIELDS}
    for line in _text(answer.printed).splitlines():
        kind, *fields = line.split("\t")
        # Kubernetes has no name, label or quantity with a sign that acts on a terminal.
        if kind not in rows or len(fields) != len(_FIELDS[kind]) + 1 or not "".join(fields).isprintable():
            raise ValueError(f"kubectl printed an unexpected line: {show(line)}")
        rows[kind].append(fields)
    cluster_id = next((uid for *_, uid in rows["Namespace"] if uid), "")
    if not cluster_id:
        raise ValueError("; ".join(answer.refused.values()) or "kubectl did not print the namespace kube-system")
    return Observed(
        cluster_id=cluster_id,
        namespaces={name: phase for name, phase, _ in rows["Namespace"]},
        nodes=tuple(
            Node(name, _pairs(labels), _pairs(offered), bool(cordoned), tuple(map(_taint, taints.split())))
            for name, labels, offered, cordoned, taints, _ in rows["Node"]
        ),
        pods=tuple(_pod(fields) for fields in rows["Pod"] if fields[2] not in ("Succeeded", "Failed")),
        workloads=tuple(_workload(kind, fields) for kind in ("Deployment", "StatefulSet") for fields in rows[kind]),
        volumes=tuple(_volume(fields) for fields in rows["PersistentVolume"]),
        csi_drivers=frozenset(name for name, _ in rows["CSIDriver"]),
        runtime_classes={
            name: RuntimeClass(_pairs(labels), tuple(map(_toleration, tolerated.split())))
            for name, labels, tolerated, _ in rows["RuntimeClass"]
        },
        refused=answer.refused,
    )


_FIELDS = {
    "Namespace": question.NAMESPACE,
    "Node": question.NODE,
    "Pod": question.POD,
    "Deployment": question.WORKLOAD,
    "StatefulSet": question.WORKLOAD,
    "PersistentVolume": question.VOLUME,
    "CSIDriver": question.CSI_DRIVER,
    "RuntimeClass": question.RUNTIME_CLASS,
}


def _text(answer: bytes | str) -> str:
    try:
        return text_of(answer, Source("kubectl's answer", ""))
    except TextError as error:
        raise ValueError(error.what) from None


def _pod(fields: list[str]) -> Pod:
    namespace, name, _, node, owner, labels, node_selector, overhead, runtime_class, claims, containers = fields
    kind, _, workload = owner.partition("/")
    labels_of = _pairs(labels)
    if kind == "ReplicaSet":
        workload = workload.removesuffix(f"-{labels_of.get('pod-template-hash', '')}")
    return Pod(
        namespace=namespace,
        name=name,
        node=node,
        workload=workload or name,
        labels=labels_of,
        node_selector=_pairs(node_selector),
        overhead=_pairs(overhead),
        containers=tuple(_containers(containers)),
        runtime_class=runtime_class,
        claims=bool(claims),
        of_each_node=kind == "DaemonSet",
    )


def _taint(text: str) -> Taint:
    key, equals, rest = text.partition("=")
    value, colon, effect = rest.rpartition(":")
    if not (key and equals and colon):
        raise ValueError(f"kubectl printed a taint in an unknown form: {show(text)}")
    return Taint(key, value, effect)


def _toleration(text: str) -> PodToleration:
    key, equals, rest = text.partition("=")
    value, *more = rest.split(":")
    if not equals or len(more) != 2:
        raise ValueError(f"kubectl printed a toleration in an unknown form: {show(text)}")
    effect, operator = more
    return PodToleration(key, operator, value, effect)


def _containers(text: str) -> Iterator[tuple[Kind, Mapping[str, str]]]:
    for container in text.split(";")[1:]:
        kind, _, asked = container.partition(" ")
        if kind not in ("init", "sidecar", "main"):
            raise ValueError(f"kubectl printed a container of an unknown kind: {show(container)}")
        yield kind, _pairs(asked)


def _workload(kind: str, fields: list[str]) -> Workload:
    namespace, name, generation, containers = fields
    parts = [container.split() for container in containers.split(";")[1:]]
    if not all(parts):
        raise ValueError(f"kubectl printed a container without a name: {show(containers)}")
    return Workload(kind, namespace, name, generation, {own: tuple(_entries(words)) for own, *words in parts})


def _entries(parts: list[str]) -> Iterator[Entry]:
    """`value=V` or `from`, each followed by its writers: `by=MANAGER@TIME`."""
    value, writers, begun = None, list[tuple[str, str]](), False
    for part in parts:
        key, _, rest = part.partition("=")
        if key == "by" and begun:
            manager, _, time = rest.rpartition("@")
            writers.append((unquoted(manager), time))
            continue
        if key not in ("value", "from"):
            raise ValueError(f"kubectl printed a variable in an unknown form: {show(part)}")
        if begun:
            yield Entry(value, tuple(writers))
        value, writers, begun = (unquoted(rest) if key == "value" else None), [], True
    if begun:
        yield Entry(value, tuple(writers))


def _volume(fields: list[str]) -> Volume:
    name, phase, labels, claim, exported, path, nodes, _ = fields
    source = (path, nodes.strip()) if path else tuple(exported.split(" "))
    return Volume(name, phase, _pairs(labels), claim, tuple(map(unquoted, source)) if all(source) else ())


def unquoted(text: str) -> str:
    """What urlquery has written."""
    octets = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.replace("+", " ").encode())
    return octets.decode(errors="replace")


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split()]
    if odd := next((key for key, equals, _ in pairs if not equals), None):
        raise ValueError(f"kubectl printed a label or a quantity without a value: {show(odd)}")
    return {key: value for key, _, value in pairs}
