"""What is there before this project: its namespace, and somebody else's immich-machine-learning Deployment.

The Deployment is as the operator of the outage had it: a TTL of 0, after other settings. It is made once, in the name
of another owner, and never touched again from here: what a test or a person changes in it stays.
"""

from typing import Any

from dev.cluster.kubectl import apply, find
from dev.instance import Instance

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


def ensure(instance: Instance, image: str) -> None:
    """Make what is missing; `image` must have python3. Raises DevError."""
    for name, labels in (
        (NAMESPACE, {"pod-security.kubernetes.io/enforce": "restricted"}),
        (IMMICH_NAMESPACE, {}),
    ):
        if find(instance, "namespace", name) is None:
            apply(instance, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    if find(instance, "deployment", IMMICH, IMMICH_NAMESPACE) is None:
        apply(instance, _immich(image), manager=OWNER)


def _immich(image: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": IMMICH}
    container = {
        "name": IMMICH,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", _SERVER],
        "env": [{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
        "ports": [{"name": "http", "containerPort": _PORT}],
        "resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}},
        "readinessProbe": {"httpGet": {"path": "/ping", "port": "http"}, "periodSeconds": 2},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": IMMICH, "namespace": IMMICH_NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
