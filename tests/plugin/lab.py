"""The cluster of these tests: its one played node, and what the recordings found in theirs."""

from dev.machine.instance import Instance

INSTANCE = Instance("test-plugin")
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "node1",
        "annotations": {"kwok.x-k8s.io/node": "fake"},
        "labels": {"kubernetes.io/hostname": "node1"},
    },
    "status": {
        kind: {"cpu": "8", "memory": "16Gi", "pods": "100", "nvidia.com/gpu": "10"}
        for kind in ("capacity", "allocatable")
    },
}
POD = {
    "automountServiceAccountToken": False,
    "containers": [
        {
            "name": "immich-machine-learning",
            "image": "lab.local/base:1",
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-m", "http.server", "3003"],
            "env": [
                {"name": "TZ", "value": "UTC"},
                {"name": "MACHINE_LEARNING_PRELOAD__CLIP__TEXTUAL", "value": "ViT-B-16-SigLIP2__webli"},
            ],
        }
    ],
}
FOREIGN = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "immich-machine-learning", "namespace": "rec"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "iml"}},
        "template": {"metadata": {"labels": {"app": "iml"}}, "spec": POD},
    },
}
