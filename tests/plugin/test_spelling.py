"""The spelling the plugin gives to inputs is the one the API server stores; otherwise every preview shows a change."""

from typing import Any

import pytest

from dev.plugin.api.client import Client
from dev.plugin.diff.normalize import normalize
from dev.plugin.diff.prune import prune
from dev.plugin.diff.quantity import canonical
from tests.plugin.waiting import until

SPELLINGS = {
    "5000": "5k", "5k": "5k", "1000m": "1", "1500m": "1500m", "1.5": "1500m", "0.1": "100m", "100m": "100m",
    "500Gi": "500Gi", "0.5Ti": "512Gi", "0.5Gi": "512Mi", "1024Mi": "1Gi", "1023Mi": "1023Mi", "1.5Gi": "1536Mi",
    "0": "0", "0Gi": "0", "007": "007", "1.234": "1.234", "1.23": "1230m", "100.000": "100", "1e3": "1e3",
    "12E": "12E", "1000Ki": "1000Ki", "0.5Ki": "512", "1Ki": "1Ki", "1000000": "1M", "123456789": "123456789",
    "10.0": "10", ".5": "500m", "1e-3": "1e-3",
}  # fmt: skip


@pytest.mark.parametrize(("written", "stored"), SPELLINGS.items())
def test_a_quantity_gets_its_one_spelling(written: str, stored: str) -> None:
    assert canonical(written) == stored
    assert canonical(stored) == stored


@pytest.mark.parametrize("text", ["", "5 k", "1,5Gi", "Gi", "1gi", "--1", "1e"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        canonical(text)


def test_the_api_server_stores_the_spellings_of_this_table(cluster_client: Client) -> None:
    written = {f"example.com/r{index}": text for index, text in enumerate(SPELLINGS)}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "spelling", "namespace": "default"},
        "spec": {"hard": {f"requests.{key}": value for key, value in written.items() if "m" not in value}},
    }
    stored = cluster_client.create(quota, {"dryRun": "All"})["spec"]["hard"]
    assert stored == normalize(quota)["spec"]["hard"]


POD_TEMPLATE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "zeros", "namespace": "default", "labels": {}, "annotations": {}},
    "spec": {
        "hostNetwork": False,
        "automountServiceAccountToken": False,
        "nodeName": "",
        "nodeSelector": {},
        "tolerations": [],
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False, "supplementalGroups": []},
        "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "0.5Gi", "medium": ""}}, {"name": "w", "emptyDir": {}}],
        "containers": [
            {
                "name": "c",
                "image": "x/y:1",
                "command": [],
                "tty": False,
                "env": [{"name": "EMPTY", "value": ""}],
                "resources": {"limits": {"cpu": 1, "memory": "1024Mi"}, "requests": {"cpu": 0.5}},
                "ports": [{"containerPort": 80, "hostPort": 0}],
                "securityContext": {"readOnlyRootFilesystem": False, "allowPrivilegeEscalation": False},
                "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": False, "subPath": ""}],
                "readinessProbe": {"httpGet": {"port": 80, "path": ""}, "initialDelaySeconds": 0},
            }
        ],
    },
}


def test_zero_values_vanish_or_stay_as_they_do_in_the_api_server(cluster_client: Client) -> None:
    inputs = normalize(POD_TEMPLATE)
    until(lambda: cluster_client.list("v1", "ServiceAccount", "default"))  # without it no pod is admitted
    stored = cluster_client.create(POD_TEMPLATE, {"dryRun": "All"})
    for obj in (inputs, stored):
        obj["spec"]["containers"][0]["readinessProbe"]["httpGet"].pop("path", None)  # the server defaults it to /
    assert prune(stored, inputs) == inputs
    assert inputs["spec"]["automountServiceAccountToken"] is False
    assert "value" not in inputs["spec"]["containers"][0]["env"][0]
