"""The real Pulumi CLI with the offline plugin: a small program goes up, changes, and is taken down."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.plugin.api.client import Client
from dev.plugin.install import install, sdk_version
from dev.tools import tools

PYTHON = Path(sys.executable)
PROGRAM = """
import secrets
import pulumi, pulumi_kubernetes as k8s
config = pulumi.Config()
kept = pulumi.ResourceOptions(ignore_changes=["input"])
password = pulumi.Stash("key", input=pulumi.Output.secret(secrets.token_hex(12)), opts=kept)
provider = k8s.Provider("k", kubeconfig="", cluster_identifier="lab")
opts = pulumi.ResourceOptions(provider=provider)
cfg = k8s.core.v1.ConfigMap(
    "cfg", metadata={"namespace": "engine"}, immutable=True, data={"a": config.require("text")}, opts=opts
)
secret = k8s.core.v1.Secret(
    "api", metadata={"name": "api", "namespace": "engine"}, string_data={"key": password.output}, opts=opts
)
pod = {
    "containers": [
        {"name": "c", "image": "lab.local/base:1", "resources": {"limits": {"memory": "0.5Gi", "cpu": "1000m"}}}
    ],
    "volumes": [{"name": "cfg", "config_map": {"name": cfg.metadata.name}}],
}
labels = {"app": "web"}
k8s.apps.v1.Deployment(
    "web",
    metadata={"name": "web", "namespace": "engine"},
    spec={"selector": {"match_labels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    opts=opts,
)
k8s.core.v1.Service(
    "web",
    metadata={"name": "web", "namespace": "engine"},
    spec={"selector": labels, "ports": [{"port": 80, "target_port": 8080}]},
    opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[secret])),
)
if config.get_bool("stuck"):
    k8s.batch.v1.Job(
        "stuck",
        metadata={"name": "stuck", "namespace": "engine"},
        spec={"template": {"spec": {**pod, "volumes": [], "restart_policy": "Never", "scheduler_name": "nobody"}}},
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                custom_timeouts=pulumi.CustomTimeouts(create="2s"),
                replace_on_changes=["#initerror"],
                delete_before_replace=True,
            ),
        ),
    )
pulumi.export("password", password.output)
pulumi.export("name", cfg.metadata.name)
"""


@dataclass(frozen=True)
class Stack:
    """A stack of the program above, its state in files."""

    directory: Path
    env: dict[str, str]

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *argv, "--non-interactive"]
        return subprocess.run(command, cwd=self.directory, env=self.env, capture_output=True, text=True, check=False)

    def pulumi(self, *argv: str) -> str:
        """Standard output; fails the test with everything that was printed."""
        done = self.run(*argv)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def preview(self) -> dict[str, Any]:
        return json.loads(self.pulumi("preview", "--json"))

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "--json", "--show-secrets"))

    def state(self) -> str:
        return self.pulumi("stack", "export")


@pytest.fixture(scope="module")
def stack(cluster_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    cluster_client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "engine"}}, {})
    directory = tmp_path_factory.mktemp("program")
    home = directory / "home"
    install(home, PYTHON, sdk_version(PYTHON))
    (directory / "Pulumi.yaml").write_text("name: engine\nruntime: python\n")
    (directory / "__main__.py").write_text(PROGRAM)
    (directory / "state").mkdir()
    env = {
        **os.environ,
        "PATH": f"{tools.ensure('pulumi')['pulumi']}:{PYTHON.parent}:{os.environ['PATH']}",
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{directory / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
    }
    made = Stack(directory, env)
    made.pulumi("stack", "init", "test")
    made.pulumi("config", "set", "text", "one")
    return made


def test_a_program_goes_up_changes_and_is_taken_down(stack: Stack, cluster_client: Client) -> None:
    assert stack.preview()["changeSummary"] == {"create": 7}
    stack.pulumi("up", "--yes", "--skip-preview")
    first = stack.outputs()
    assert len(first["password"]) == 24

    for refresh in ([], ["--refresh"]):
        stack.pulumi("preview", "--expect-no-changes", *refresh)

    stack.pulumi("config", "set", "text", "two")
    changed = stack.preview()
    assert changed["changeSummary"] == {"replace": 1, "same": 5, "update": 1}
    stack.pulumi("up", "--yes", "--skip-preview")
    second = stack.outputs()
    assert second["password"] == first["password"]
    assert second["name"] != first["name"]
    assert [item["metadata"]["name"] for item in _config_maps(cluster_client)] == [second["name"]]
    stack.pulumi("preview", "--expect-no-changes")

    assert first["password"] not in stack.state()
    _fails_to_become_ready(stack)
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert _config_maps(cluster_client) == []


def _fails_to_become_ready(stack: Stack) -> None:
    stack.pulumi("config", "set", "stuck", "true")
    failed = stack.run("up", "--yes", "--skip-preview")
    assert failed.returncode != 0
    assert "not ready after 2 s" in failed.stdout
    (stuck,) = (
        item for item in json.loads(stack.state())["deployment"]["resources"] if item["urn"].endswith("::stuck")
    )
    assert stuck["id"] == "engine/stuck"
    assert stuck["initErrors"]
    assert stack.preview()["changeSummary"] == {"replace": 1, "same": 7}


def _config_maps(client: Client) -> list[dict[str, Any]]:
    found = client.list("v1", "ConfigMap", "engine")
    return [item for item in found if item["metadata"]["name"].startswith("cfg-")]
