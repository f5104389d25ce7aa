"""Cluster state needed to see who holds GPU memory: nodes and their pods, as `kubectl get` prints them.

kubectl is given a go-template, because that keeps an answer of a thousand pods to some hundred kB. observe/kubectl.py
asks, plan/live/live_tenants.py judges the answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from plan.kubernetes.quantity import whole
from plan.text.decode import text_of
from plan.text.errors import Source, TextError
from plan.text.show import show

KINDS = ("namespaces", "nodes", "pods")
# A line an object, fields after tabs. Neither names nor quantities nor labels have blanks, or the signs between them.
_PAIRS = "{{range $k, $v := .}}{{$k}}={{$v}} {{end}}"
_OWNER = "{{range .}}{{if .controller}}{{.kind}}/{{.name}}{{end}}{{end}}"
_POD = (
    ("metadata.namespace", "{{.}}"),
    ("metadata.name", "{{.}}"),
    ("status.phase", "{{.}}"),
    ("spec.nodeName", "{{.}}"),
    ("metadata.ownerReferences", _OWNER),
    ("metadata.labels", _PAIRS),
    ("spec.nodeSelector", _PAIRS),
    ("spec.overhead", _PAIRS),
)
_NODE = (("metadata.name", "{{.}}"), ("metadata.labels", _PAIRS), ("status.allocatable", _PAIRS))
_CONTAINERS = (
    "{{range .spec.initContainers}};{{with .restartPolicy}}{{if eq . `Always`}}sidecar{{else}}init{{end}}{{else}}init"
    "{{end}} {{template `asked` .}}{{end}}"
    "{{range .spec.containers}};main {{template `asked` .}}{{end}}"
)


def _fields(fields: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"{{{{with .{path}}}}}{template}{{{{end}}}}\t" for path, template in fields)


TEMPLATE = (
    "{{define `asked`}}{{with .resources}}{{with .requests}}" + _PAIRS + "{{end}}{{end}}{{end}}"
    "{{range .items}}"
    "{{if eq .kind `Namespace`}}{{if eq .metadata.name `kube-system`}}cluster\t{{.metadata.uid}}\n{{end}}"
    "{{else if eq .kind `Node`}}node\t" + _fields(_NODE) + "\n"
    "{{else}}pod\t" + _fields(_POD) + _CONTAINERS + "\n{{end}}{{end}}"
)
Kind = Literal["init", "sidecar", "main"]


@dataclass(frozen=True, slots=True)
class Node:
    """`allocatable` is what its pods may request in all, as quantities by resource."""

    name: str
    labels: Mapping[str, str]
    allocatable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pod:
    """`node` is "" while it waits for one. `workload` is who made it: the Deployment's name, not the ReplicaSet's."""

    namespace: str
    name: str
    node: str
    workload: str
    labels: Mapping[str, str]
    node_selector: Mapping[str, str]
    overhead: Mapping[str, str]
    containers: tuple[tuple[Kind, Mapping[str, str]], ...]

    def requests(self, resource: str) -> int:
        """How much of it the scheduler counts (k8s.io/component-helpers, resource.PodRequests).

        Init containers run one after another before the others, each beside the sidecars that were started before it.
        """
        steady = starting = sidecars = 0
        for kind, asked in self.containers:
            count = whole(asked.get(resource, "0"))
            if kind == "init":
                starting = max(starting, sidecars + count)
            else:
                steady += count
            if kind == "sidecar":
                sidecars += count
                starting = max(starting, sidecars)
        return max(steady, starting) + whole(self.overhead.get(resource, "0"))


@dataclass(frozen=True, slots=True)
class Observed:
    """`cluster_id` is the uid of kube-system. Pods that have ended are left out: nothing counts them any more."""

    cluster_id: str
    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]


def parse(answer: bytes | str) -> Observed:
    """Raises ValueError for what TEMPLATE does not print."""
    nodes, pods, cluster_id = list[Node](), list[Pod](), ""
    for line in _text(answer).splitlines():
        kind, *fields = line.split("\t")
        if kind == "cluster" and len(fields) == 1:
            (cluster_id,) = fields
        elif kind == "node" and len(fields) == len(_NODE) + 1:
            nodes.append(Node(fields[0], _pairs(fields[1]), _pairs(fields[2])))
        elif kind == "pod" and len(fields) == len(_POD) + 1:
            if fields[2] not in ("Succeeded", "Failed"):
                pods.append(_pod(fields))
        else:
            raise ValueError(f"kubectl printed an unexpected line: {show(line)}")
    if not cluster_id:
        raise ValueError("kubectl did not print the namespace kube-system")
    return Observed(cluster_id, tuple(nodes), tuple(pods))


def _text(answer: bytes | str) -> str:
    try:
        return text_of(answer, Source("kubectl's answer", ""))
    except TextError as error:
        raise ValueError(error.what) from None


def _pod(fields: list[str]) -> Pod:
    namespace, name, _, node, owner, labels, node_selector, overhead, containers = fields
    kind, _, workload = owner.partition("/")
    labels_of = _pairs(labels)
    if kind == "ReplicaSet":
        workload = workload.removesuffix(f"-{labels_of.get('pod-template-hash', '')}")
    asked = tuple(_containers(containers))
    return Pod(namespace, name, node, workload or name, labels_of, _pairs(node_selector), _pairs(overhead), asked)


def _containers(text: str) -> Iterator[tuple[Kind, Mapping[str, str]]]:
    for container in text.split(";")[1:]:
        kind, _, asked = container.partition(" ")
        if kind not in ("init", "sidecar", "main"):
            raise ValueError(f"kubectl printed a container of an unknown kind: {show(container)}")
        yield kind, _pairs(asked)


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split()]
    if odd := next((key for key, equals, _ in pairs if not equals), None):
        raise ValueError(f"kubectl printed a label or a quantity without a value: {show(odd)}")
    return {key: value for key, _, value in pairs}
