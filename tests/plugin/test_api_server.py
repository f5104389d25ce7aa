"""What no recording shows, against an API server: ownership, conflicts, rights, retries, and deletion."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.plugin.api.client import ApiError, Client, UnreachableError
from dev.plugin.api.managers import CREATE_MANAGER
from dev.plugin.api.settings import Settings
from tests.plugin.diff.replay import CallError, call, new_plugin
from tests.plugin.lab import FOREIGN, INSTANCE
from tests.plugin.waiting import until

NAMESPACE = "ownership"
Object = dict[str, Any]


@pytest.fixture(scope="module")
def client(cluster_client: Client) -> Client:
    cluster_client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, {})
    return cluster_client


@pytest.fixture
def plugin(client: Client) -> Any:  # noqa: ARG001 - the cluster has to be there
    made = new_plugin()
    yield made
    made.client.close()


def urn(token: str, name: str = "r") -> str:
    return f"urn:pulumi:dev::rec::kubernetes:{token}::{name}"


def config_map(name: str, data: dict[str, str], **metadata: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "data": data,
    }


def managers(obj: Object) -> set[tuple[str, str]]:
    return {(entry["manager"], entry["operation"]) for entry in obj["metadata"]["managedFields"]}


def test_the_first_update_takes_over_what_the_create_wrote_and_removes_what_is_gone(
    client: Client, plugin: Any
) -> None:
    inputs = config_map("taken-over", {"a": "1", "b": "1"}, labels={"old": "x"})
    created = call(plugin, "Create", {"urn": urn("core/v1:ConfigMap"), "properties": inputs})
    assert managers(client.get(inputs)) == {(CREATE_MANAGER, "Update")}

    news = config_map("taken-over", {"a": "2"})
    request = {"urn": urn("core/v1:ConfigMap"), "id": created["id"], "olds": created["properties"], "news": news}
    updated = call(plugin, "Update", request)
    live = client.get(inputs)
    assert live["data"] == {"a": "2"}
    assert "labels" not in live["metadata"]
    assert managers(live) == {(updated["properties"]["__fieldManager"], "Apply")}
    assert call(plugin, "Diff", {**request, "olds": updated["properties"]})["changes"] == "DIFF_NONE"


def test_a_preview_of_an_update_changes_nothing(client: Client, plugin: Any) -> None:
    inputs = config_map("previewed", {"a": "1"})
    created = call(plugin, "Create", {"urn": urn("core/v1:ConfigMap"), "properties": inputs})
    before = client.get(inputs)
    news = config_map("previewed", {"a": "2"})
    request = {"urn": urn("core/v1:ConfigMap"), "id": created["id"], "olds": created["properties"], "news": news}
    assert call(plugin, "Update", {**request, "preview": True})["properties"]["data"] == {"a": "2"}
    assert client.get(inputs) == before


def test_a_patch_conflict_names_the_other_owner_and_both_ways_out(client: Client, plugin: Any) -> None:
    foreign = {**FOREIGN, "metadata": {"name": "contested", "namespace": NAMESPACE}}
    client.create(foreign, {"fieldManager": "immich-owner"})
    patch = config_patch("contested", "x/y:2")
    with pytest.raises(CallError, match='conflict with "immich-owner"') as caught:
        call(plugin, "Create", {"urn": urn("apps/v1:DeploymentPatch"), "properties": patch})
    assert "pulumi.com/patchForce" in str(caught.value)
    assert "remove the field" in str(caught.value)

    patch["metadata"]["annotations"] = {"pulumi.com/patchForce": "true", "pulumi.com/skipAwait": "true"}
    call(plugin, "Create", {"urn": urn("apps/v1:DeploymentPatch"), "properties": patch})
    assert client.get(foreign)["spec"]["template"]["spec"]["containers"][0]["image"] == "x/y:2"


def config_patch(name: str, image: str) -> Object:
    container = {"name": "immich-machine-learning", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def test_deleting_a_patch_gives_back_only_what_it_alone_owned(client: Client, plugin: Any) -> None:
    theirs = config_map("shared", {"theirs": "1"})
    client.create(theirs, {"fieldManager": "owner"})
    ours = config_map("shared", {"ours": "1"}, annotations={"pulumi.com/patchFieldManager": "us"})
    request = {"urn": urn("core/v1:ConfigMapPatch"), "properties": ours}
    created = call(plugin, "Create", request)
    assert client.get(theirs)["data"] == {"theirs": "1", "ours": "1"}
    call(plugin, "Delete", {**request, "id": created["id"], "properties": created["properties"]})
    assert client.get(theirs)["data"] == {"theirs": "1"}


def test_creating_what_exists_is_an_error_with_the_ways_out_but_no_preview_error(client: Client, plugin: Any) -> None:
    inputs = config_map("there", {"a": "1"})
    client.create(inputs, {})
    request = {"urn": urn("core/v1:ConfigMap"), "properties": inputs}
    assert call(plugin, "Create", {**request, "preview": True}) == {"properties": inputs}
    with pytest.raises(CallError, match=r"(?s)already exists.*pulumi import"):
        call(plugin, "Create", request)


def test_a_secret_never_leaves_its_wrapper(plugin: Any) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "sealed", "namespace": NAMESPACE},
        "stringData": {"key": "c2VrcmV0"},
    }
    inputs = call(plugin, "Check", {"urn": urn("core/v1:Secret"), "news": secret})["inputs"]
    created = call(plugin, "Create", {"urn": urn("core/v1:Secret"), "properties": inputs})
    read = call(plugin, "Read", {"urn": urn("core/v1:Secret"), "id": created["id"], "inputs": inputs})
    for bag in (inputs, created["properties"], created["properties"]["__inputs"], read["inputs"], read["properties"]):
        assert bag["data"]["4dabf18193072939515e22adb298388d"] == "1b47061264138c4ac30d75fd1eb44270"


def test_reading_what_is_gone_drops_it_from_state(plugin: Any) -> None:
    inputs = config_map("never-was", {})
    assert (
        call(plugin, "Read", {"urn": urn("core/v1:ConfigMap"), "id": f"{NAMESPACE}/never-was", "inputs": inputs}) == {}
    )


def test_a_missing_namespace_is_waited_for_in_up_and_then_named(plugin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dev.plugin.apply._RETRIES_S", (0,))
    inputs = config_map("x", {}, namespace="no-such-namespace")
    with pytest.raises(CallError, match='namespaces "no-such-namespace" not found'):
        call(plugin, "Create", {"urn": urn("core/v1:ConfigMap"), "properties": inputs})


def test_without_rights_a_preview_falls_back_to_the_inputs_and_up_says_what_is_forbidden(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "weak", "namespace": NAMESPACE}}
    client.create(account, {})
    token = client.request("POST", client.path(account, "weak") + "/token", body={"spec": {}})["status"]["token"]
    config = yaml.safe_load(INSTANCE.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    weak = tmp_path / "kubeconfig"
    weak.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(weak))
    plugin = new_plugin()
    inputs = config_map("forbidden", {"a": "1"})
    request = {"urn": urn("core/v1:ConfigMap"), "properties": inputs}
    assert call(plugin, "Create", {**request, "preview": True}) == {"properties": inputs}
    with pytest.raises(CallError, match="cannot create resource") as caught:
        call(plugin, "Create", request)
    assert token not in str(caught.value)
    plugin.client.close()


def test_an_object_held_by_a_finalizer_fails_to_delete_and_says_which(client: Client, plugin: Any) -> None:
    inputs = config_map("held", {}, finalizers=["example.com/held"])
    created = call(plugin, "Create", {"urn": urn("core/v1:ConfigMap"), "properties": inputs})
    request = {
        "urn": urn("core/v1:ConfigMap"),
        "id": created["id"],
        "properties": created["properties"],
        "timeout": 0.5,
    }
    with pytest.raises(CallError, match="was not deleted in time") as caught:
        call(plugin, "Delete", request)
    assert caught.value.detail
    assert "example.com/held" in caught.value.detail["reasons"][1]
    client.patch(inputs, {"metadata": {"finalizers": None}}, "application/merge-patch+json", {})


def test_a_kind_of_a_foreign_group_is_found_by_discovery_and_an_unknown_one_explained(client: Client) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "lamps", "singular": "lamp", "kind": "Lamp"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "lamps.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    client.create(definition, {})
    lamp = {"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "a", "namespace": NAMESPACE}}
    assert until(lambda: _path(client, lamp)) == f"/apis/example.com/v1/namespaces/{NAMESPACE}/lamps/a"
    with pytest.raises(ApiError, match="no kind Torch"):
        client.path({**lamp, "kind": "Torch"})


def _path(client: Client, obj: Object) -> str:
    try:
        return client.path(obj, obj["metadata"]["name"])
    except ApiError:
        return ""


def test_an_unreachable_cluster_is_named_in_up_and_silent_in_a_preview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({"clusters": [cluster], "contexts": [context], "current-context": "c"}))
    monkeypatch.setenv("KUBECONFIG", str(path))
    request = {"urn": urn("core/v1:ConfigMap"), "properties": config_map("x", {"a": "1"})}
    assert call(new_plugin(), "Create", {**request, "preview": True}) == {"properties": request["properties"]}
    with pytest.raises(CallError, match=r"unreachable: http://127\.0\.0\.1:9"):
        call(new_plugin(), "Create", request)


def test_a_client_without_any_kubeconfig_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(UnreachableError, match="set KUBECONFIG"):
        Client(Settings()).get(config_map("x", {}))
