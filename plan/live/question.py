"""What kubectl is asked about the live cluster: the kinds, and the go-template in which it prints them.

One `kubectl get` asks for all, because each more would cost a preview as much again. A template keeps the answer for a
thousand pods to some hundred kB. kubectl_answer.py reads the answer.
"""

from plan.base.names import IMMICH_TTL

KINDS = (
    "namespaces", "nodes", "pods", "deployments", "statefulsets", "persistentvolumes", "csidrivers", "runtimeclasses",
)  # fmt: skip
# A line an object, fields after tabs. Neither names nor quantities nor labels have blanks, or the signs between them;
# what may have any sign goes through urlquery.
_PAIRS = "{{range $k, $v := .}}{{$k}}={{$v}} {{end}}"
NAMESPACE = (("metadata.name", "{{.}}"), ("status.phase", "{{.}}"))
NODE = (
    ("metadata.name", "{{.}}"),
    ("metadata.labels", _PAIRS),
    ("status.allocatable", _PAIRS),
    ("spec.unschedulable", "cordoned"),
    ("spec.taints", "{{range .}}{{.key}}={{with .value}}{{.}}{{end}}:{{.effect}} {{end}}"),
)
POD = (
    ("metadata.namespace", "{{.}}"),
    ("metadata.name", "{{.}}"),
    ("status.phase", "{{.}}"),
    ("spec.nodeName", "{{.}}"),
    ("metadata.ownerReferences", "{{range .}}{{if .controller}}{{.kind}}/{{.name}}{{end}}{{end}}"),
    ("metadata.labels", _PAIRS),
    ("spec.nodeSelector", _PAIRS),
    ("spec.overhead", _PAIRS),
    ("spec.runtimeClassName", "{{.}}"),
    ("spec.resourceClaims", "claims"),
)
WORKLOAD = (("metadata.namespace", "{{.}}"), ("metadata.name", "{{.}}"), ("metadata.generation", "{{.}}"))
# Its files are in the export of an NFS server, or in the directory of a node.
VOLUME = (
    ("metadata.name", "{{.}}"),
    ("status.phase", "{{.}}"),
    ("metadata.labels", _PAIRS),
    ("spec.claimRef", "{{.namespace}}/{{.name}}"),
    ("spec.csi.volumeAttributes", "{{with .server}}{{urlquery .}}{{end}} {{with .share}}{{urlquery .}}{{end}}"),
    ("spec.local.path", "{{urlquery .}}"),
    (
        "spec.nodeAffinity.required",
        "{{range .nodeSelectorTerms}}{{range .matchExpressions}}{{range .values}}{{.}} {{end}}{{end}}{{end}}",
    ),
)
CSI_DRIVER = (("metadata.name", "{{.}}"),)
# What admission adds to its pods (kubernetes.io, "Runtime Class").
RUNTIME_CLASS = (
    ("metadata.name", "{{.}}"),
    ("scheduling.nodeSelector", _PAIRS),
    (
        "scheduling.tolerations",
        "{{range .}}{{with .key}}{{.}}{{end}}={{with .value}}{{.}}{{end}}:{{with .effect}}{{.}}{{end}}"
        ":{{with .operator}}{{.}}{{end}} {{end}}",
    ),
)
_ASKED = "{{with .resources}}{{with .requests}}" + _PAIRS + "{{end}}{{end}}"
_CONTAINERS = (
    '{{range .spec.initContainers}};{{with .restartPolicy}}{{if eq . "Always"}}sidecar{{else}}init{{end}}{{else}}init'
    "{{end}} " + _ASKED + "{{end}}{{range .spec.containers}};main " + _ASKED + "{{end}}"
)
# Of each container the entry of immich's TTL, and who wrote its value: Kubernetes notes manager and time for each field
# (kubernetes.io, "Server-Side Apply"). A go-template gets managedFields without --show-managed-fields (kubectl 1.36).
_KEY = r'"k:{\"name\":\"%s\"}"'
_CONTAINER = rf'"f:spec" "f:template" "f:spec" "f:containers" (printf {_KEY} $name)'
_VALUE = rf'{_CONTAINER} "f:env" (printf {_KEY} "{IMMICH_TTL}") "f:value"'
_TTL = (
    "{{$managed := .metadata.managedFields}}{{range .spec.template.spec.containers}}{{$name := .name}};{{$name}}"
    '{{range .env}}{{if eq .name "' + IMMICH_TTL + '"}} '
    "{{if .valueFrom}}from{{else}}value={{with .value}}{{urlquery .}}{{end}}{{end}}"
    "{{range $managed}}{{if exists .fieldsV1 " + _VALUE + "}} by={{urlquery .manager}}@{{.time}}{{end}}{{end}}"
    "{{end}}{{end}}{{end}}"
)


def _line(kind: str, fields: tuple[tuple[str, str], ...], rest: str = "") -> str:
    shown = "".join(f"{{{{with .{path}}}}}{template}{{{{end}}}}\t" for path, template in fields)
    return f'if eq .kind "{kind}"}}}}{kind}\t{shown}{rest}\n{{{{'


_CLUSTER = '{{if eq .metadata.name "kube-system"}}{{.metadata.uid}}{{end}}'
TEMPLATE = (
    "{{range .items}}{{"
    + "else ".join(
        (
            _line("Namespace", NAMESPACE, _CLUSTER),
            _line("Node", NODE),
            _line("Pod", POD, _CONTAINERS),
            _line("Deployment", WORKLOAD, _TTL),
            _line("StatefulSet", WORKLOAD, _TTL),
            _line("PersistentVolume", VOLUME),
            _line("CSIDriver", CSI_DRIVER),
            _line("RuntimeClass", RUNTIME_CLASS),
        )
    )
    + "end}}{{end}}"
)
