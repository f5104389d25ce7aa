"""Asks a real API server what it would do with an object: over one connection, and without anything being made."""

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ConfigMap": "configmaps",
    "CronJob": "cronjobs",
    "Deployment": "deployments",
    "Job": "jobs",
    "Namespace": "namespaces",
    "PersistentVolume": "persistentvolumes",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}
_QUERY = "?dryRun=All&fieldValidation=Strict&fieldManager=generated"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ApiServer:
    """The API server that a kubeconfig of dev/cluster/certificates.py leads to."""

    def __init__(self, kubeconfig: Path) -> None:
        known = json.loads(kubeconfig.read_text())
        user, cluster = known["users"][0]["user"], known["clusters"][0]["cluster"]
        self._place = urllib.parse.urlsplit(cluster["server"]).netloc
        self._tls = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)
        self._connection = http.client.HTTPSConnection(self._place, context=self._tls, timeout=60)
        self._accepted: set[int] = set()  # hashes: a soak asks about tens of thousands
        self.asked = 0

    def refusal_of_apply(self, manifest: str) -> str:
        """Why a server-side apply of this YAML would be refused; "" where it would not."""
        if hash(manifest) in self._accepted:  # the programs of pods are the same in every stack
            return ""
        it = yaml.load(manifest, Loader=_Loader)  # noqa: S506 - it is the safe loader, in C
        name = urllib.parse.quote(it["metadata"]["name"], safe="")
        path = f"{_collection(it)}/{name}{_QUERY}&force=true"
        said = self._ask("PATCH", path, manifest.encode(), "application/apply-patch+yaml")
        if not said:
            self._accepted.add(hash(manifest))
        return said

    def refusal_of_create(self, it: Mapping[str, Any]) -> str:
        """Why this object would not be made; "" where it would."""
        return self._ask("POST", f"{_collection(it)}{_QUERY}", json.dumps(it).encode(), "application/json")

    def make(self, it: Mapping[str, Any]) -> None:
        """Really make this object, unless it is there."""
        said = self._ask("POST", _collection(it), json.dumps(it).encode(), "application/json")
        assert not said or '"AlreadyExists"' in said, said

    def _ask(self, method: str, path: str, body: bytes, kind: str) -> str:
        self.asked += 1
        self._connection.request(method, path, body, {"Content-Type": kind, "Accept": "application/json"})
        answer = self._connection.getresponse()
        content = answer.read().decode()
        if answer.status in (200, 201):
            return ""
        assert answer.status in (400, 403, 404, 409, 413, 422), f"{method} {path}: {answer.status} {content}"
        return content


@contextlib.contextmanager
def connected(kubeconfig: Path) -> Iterator[ApiServer]:
    server = ApiServer(kubeconfig)
    try:
        yield server
    finally:
        server._connection.close()


def deployment(namespace: str, name: str, container: dict[str, Any], **pod: Any) -> dict[str, Any]:
    """The smallest Deployment with this container; `pod` is more of its pods' spec."""
    labels = {"app": "x"}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **pod}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**spec, "template": template},
    }


def _collection(it: Mapping[str, Any]) -> str:
    version, namespace = it["apiVersion"], it["metadata"].get("namespace")
    group = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    return f"{group}{f'/namespaces/{namespace}' if namespace else ''}/{PLURALS[it['kind']]}"


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode()
