"""Writes types.txt from the Go sources of k8s.io/api, for a new Kubernetes version. Not used at run time.

python -m dev.plugin.diff.make_types "$(go list -m -f '{{.Dir}}' k8s.io/api)" v0.36.3
"""

import re
import sys
from pathlib import Path

from dev.plugin.diff.schema import KNOWN_GROUPS

_DIRECTORIES = {
    "v1": "core/v1",
    "networking.k8s.io/v1": "networking/v1",
    "rbac.authorization.k8s.io/v1": "rbac/v1",
    "scheduling.k8s.io/v1": "scheduling/v1",
    "storage.k8s.io/v1": "storage/v1",
    "admissionregistration.k8s.io/v1": "admissionregistration/v1",
}
_SCALARS = {
    **dict.fromkeys(("string", "[]byte", "metav1.Time", "metav1.MicroTime", "types.UID"), "s"),
    **dict.fromkeys(("int", "int32", "int64", "float64"), "i"),
    "bool": "b",
    "resource.Quantity": "q",
    "intstr.IntOrString": "x",
    "runtime.RawExtension": "a",
}
# Of apimachinery, whose sources are not read: these never change.
_META = {
    "ObjectMeta": "name:s generateName:s namespace:s uid:s resourceVersion:s generation:i creationTimestamp:s"
    " deletionTimestamp:s deletionGracePeriodSeconds:*i labels:{s annotations:{s ownerReferences:[a finalizers:[s"
    " managedFields:[a",
    "LabelSelector": "matchLabels:{s matchExpressions:[LabelSelectorRequirement",
    "LabelSelectorRequirement": "key:=s operator:=s values:[s",
}
Name = tuple[str, str]  # package, type


class Sources:
    """The structs and named types of the API packages, and the lines made of those that were asked for."""

    def __init__(self, api: Path) -> None:
        self._structs: dict[Name, list[tuple[str, str, bool]]] = {}
        self._aliases: dict[Name, str] = {}
        self.lines = dict(_META)
        for group in KNOWN_GROUPS:
            directory = _DIRECTORIES.get(group, group)
            self._read(directory.split("/")[0], (api / directory / "types.go").read_text())

    def _read(self, package: str, source: str) -> None:
        source = re.sub(r"/\*.*?\*/|//[^\n]*", "", source, flags=re.DOTALL)
        for name, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", source, re.DOTALL | re.MULTILINE):
            fields = re.findall(r'^\s*(?:\w+\s+)?([^\s`]+)\s+`[^`]*json:"([^",]*)((?:,\w+)*)"', body, re.MULTILINE)
            self._structs[package, name] = [(json, kind, "omitempty" in rest) for kind, json, rest in fields]
        for name, kind in re.findall(r"^type (\w+) ([^\s=]+)$", source, re.MULTILINE):
            self._aliases[package, name] = kind

    def code(self, package: str, kind: str) -> str:
        """The code of a Go type; what it refers to gets its line."""
        if kind in _SCALARS:
            return _SCALARS[kind]
        for prefix, code in (("*", "*"), ("[]", "[")):
            if kind.startswith(prefix):
                return code + self.code(package, kind.removeprefix(prefix))
        if kind.startswith("map["):
            return "{" + self.code(package, kind.partition("]")[2])
        if kind.startswith("metav1."):
            name = kind.removeprefix("metav1.")
            return name if name in _META else "a"
        owner, _, name = kind.rpartition(".")
        package = {"": package, "v1": "core", "corev1": "core", "apiv1": "core"}.get(owner, owner)
        if alias := self._aliases.get((package, name)):
            return self.code(package, alias)
        if name not in self.lines:
            self.lines[name] = ""  # a type may contain itself
            self.lines[name] = " ".join(self._fields(package, name))
        return name

    def _fields(self, package: str, name: str) -> list[str]:
        fields: list[str] = []
        for json, kind, omitted in self._structs[package, name]:
            if kind == "metav1.TypeMeta":
                fields += ["kind:s", "apiVersion:s"]
            elif not json:  # embedded
                fields += self._fields(package, kind)
            elif json == "status":
                fields.append("status:a")
            elif json != "-":
                code = self.code(package, kind)
                fields.append(f"{json}:{code if omitted or code == 'a' or code[0].isupper() else '=' + code}")
        return fields


def main(api: str, version: str) -> None:
    sources = Sources(Path(api))
    for group, kinds in KNOWN_GROUPS.items():
        for kind in kinds.split():
            sources.code(_DIRECTORIES.get(group, group).split("/")[0], kind)
    head = (
        f"# Fields of the built-in kinds, made by make_types.py from k8s.io/api {version}; schema.py has the codes.\n"
    )
    lines = "".join(f"{name} {fields}\n" for name, fields in sorted(sources.lines.items()))
    Path(__file__).with_name("types.txt").write_text(head + lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
