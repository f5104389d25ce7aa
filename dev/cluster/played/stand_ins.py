"""Makes what an operator has before this project: the namespace, the NFS driver's entry, and immich-machine-learning.

That Deployment is the one of the outage, with a TTL of 0. It is made once, by another field manager, and not changed
afterwards: what a test or a person changes in it stays.
"""

from dataclasses import dataclass
from typing import Any

from dev.cluster.kubectl import apply, find
from dev.cluster.nodes import TAINT
from dev.machine.instance import Instance
from plan.weights.volume import NFS_DRIVER

NAMESPACE = "llama-cpp"
IMMICH_NAMESPACE, IMMICH = "immich", "immich-machine-learning"
OWNER = "immich-owner"
_PORT = 3003
_SERVER = f"""\
import http.server
class Ping(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ping" else 404)
        self.end_headers()
        self.wfile.write(b"pong" if self.path == "/ping" else b"")
http.server.ThreadingHTTPServer(("", {_PORT}), Ping).serve_forever()
"""
_ENVIRONMENT = {
    "TRANSFORMERS_CACHE": "/cache",
    "IMMICH_HOST": "0.0.0.0",  # noqa: S104 - the value immich itself documents, inside a pod
    "IMMICH_PORT": str(_PORT),
    "MACHINE_LEARNING_PRELOAD__CLIP__TEXTUAL": "ViT-B-16-SigLIP2__webli",
    "MACHINE_LEARNING_PRELOAD__CLIP__VISUAL": "ViT-B-16-SigLIP2__webli",
    "MACHINE_LEARNING_MODEL_TTL": "0",
    "MACHINE_LEARNING_WORKERS": "1",
}


# As csi-driver-nfs 4.11 writes it (deploy/csi-nfs-driverinfo.yaml); no driver runs here, and no pod mounts.
DRIVER = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "CSIDriver",
    "metadata": {"name": NFS_DRIVER},
    "spec": {"attachRequired": False, "volumeLifecycleModes": ["Persistent"], "fsGroupPolicy": "File"},
}


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody else's Deployment or StatefulSet, and the name of its container."""

    namespace: str = IMMICH_NAMESPACE
    deployment: str = IMMICH
    container: str = IMMICH
    kind: str = "Deployment"


def ensure(instance: Instance, image: str, namespace: str = NAMESPACE, tenant: Tenant | None = None) -> None:
    """Make what is missing; `image` must have python3 where pods are real. Raises DevError."""
    tenant = tenant or Tenant()
    if find(instance, "csidriver", NFS_DRIVER) is None:
        apply(instance, DRIVER, manager=OWNER)
    for name, labels in (
        (namespace, {"pod-security.kubernetes.io/enforce": "restricted"}),
        (tenant.namespace, {}),
    ):
        if find(instance, "namespace", name) is None:
            apply(instance, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    if find(instance, tenant.kind.lower(), tenant.deployment, tenant.namespace) is None:
        apply(instance, _immich(image, tenant), manager=OWNER)


def _immich(image: str, tenant: Tenant) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": tenant.deployment}
    container = {
        "name": tenant.container,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", _SERVER],
        "env": [{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
        "ports": [{"name": "http", "containerPort": _PORT}],
        "resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}},
        "readinessProbe": {"httpGet": {"path": "/ping", "port": "http"}, "periodSeconds": 2},
    }
    of_kind = {"strategy": {"type": "Recreate"}} if tenant.kind == "Deployment" else {"serviceName": tenant.deployment}
    return {
        "apiVersion": "apps/v1",
        "kind": tenant.kind,
        "metadata": {"name": tenant.deployment, "namespace": tenant.namespace, "labels": labels},
        "spec": {
            **of_kind,
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "tolerations": [TAINT]},
            },
        },
    }
