"""Rules of Check, Diff and the provider's own configuration that no recording exercises."""

import copy
import json
from typing import Any

import pytest

from dev.plugin.api.managers import take_over
from dev.plugin.api.settings import changes, read
from dev.plugin.diff import propertypath
from dev.plugin.diff.check import Naming, check
from dev.plugin.diff.diff import Difference, diff
from dev.plugin.diff.properties import UNKNOWN, Secret, decode, encode
from dev.plugin.diff.state import checkpoint

CONFIG_MAP, DEPLOYMENT = "kubernetes:core/v1:ConfigMap", "kubernetes:apps/v1:Deployment"
Object = dict[str, Any]


def obj(kind: str, spec: Object, api_version: str = "v1", **metadata: Any) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "a", "namespace": "n", **metadata},
        "spec": spec,
    }


def deployment(containers: list[Object]) -> Object:
    return obj("Deployment", {"template": {"spec": {"containers": containers}}}, "apps/v1")


def compare(
    token: str, inputs: Object, live: Object, news: Object, ignore: tuple[str, ...] = (), **options: Any
) -> Difference:
    state = checkpoint(inputs, live, inputs, inputs["apiVersion"], "m")
    return diff(token, state, news, [propertypath.parse(path) for path in ignore], **options)


def kinds_of(found: Difference) -> dict[str, str]:
    return {change.key: change.kind for change in found.changes}


def test_lists_are_compared_by_index_so_an_entry_put_in_front_shows_as_a_change() -> None:
    ours = deployment([{"name": "c", "env": [{"name": "TTL", "value": "600"}]}])
    live = deployment([{"name": "c", "env": [{"name": "TZ", "value": "UTC"}, {"name": "TTL", "value": "600"}]}])
    found = compare(DEPLOYMENT, ours, live, ours)
    path = "spec.template.spec.containers[0].env[0]"
    assert kinds_of(found) == {f"{path}.name": "UPDATE", f"{path}.value": "UPDATE"}
    assert compare(DEPLOYMENT, ours, live, ours, ("spec",)).changes == []
    assert len(compare(DEPLOYMENT, ours, live, ours, ("spec.template.spec.containers[*].env[0].name",)).changes) == 1


def test_a_field_the_cluster_added_is_no_change_but_one_we_stop_setting_is() -> None:
    ours = obj("Service", {"type": "ClusterIP", "selector": {"app": "a"}})
    live = obj("Service", {"type": "ClusterIP", "selector": {"app": "a"}, "clusterIP": "10.0.0.1"})
    assert compare("kubernetes:core/v1:Service", ours, live, ours).changes == []
    less = obj("Service", {"selector": {"app": "a"}})
    assert kinds_of(compare("kubernetes:core/v1:Service", ours, live, less)) == {"spec.type": "DELETE"}


def test_quantities_that_mean_the_same_are_no_change() -> None:
    live = obj("PersistentVolumeClaim", {"resources": {"requests": {"storage": "512Gi"}}})
    news = obj("PersistentVolumeClaim", {"resources": {"requests": {"storage": "0.5Ti"}}})
    assert compare("kubernetes:core/v1:PersistentVolumeClaim", live, live, news).changes == []


def test_an_unknown_value_is_a_change_and_an_unknown_object_may_replace() -> None:
    ours = obj("PersistentVolumeClaim", {"volumeName": "v", "accessModes": ["ReadWriteMany"]})
    token = "kubernetes:core/v1:PersistentVolumeClaim"
    one = copy.deepcopy(ours)
    one["spec"]["volumeName"] = UNKNOWN
    assert compare(token, ours, ours, one).replaces == ["spec.volumeName"]
    every = {**ours, "spec": UNKNOWN}
    assert sorted(compare(token, ours, ours, every).replaces) == ["spec.accessModes", "spec.volumeName"]


def test_a_boolean_is_not_the_number_it_equals() -> None:
    ours, news = obj("Lamp", {"on": 1}, "example.com/v1"), obj("Lamp", {"on": True}, "example.com/v1")
    assert kinds_of(compare("kubernetes:example.com/v1:Lamp", ours, ours, news)) == {"spec.on": "UPDATE"}


@pytest.mark.parametrize(("immutable", "mutable", "replaces"), [(False, False, 1), (False, True, 0), (True, True, 1)])
def test_config_map_data_replaces_unless_the_provider_and_the_object_allow_otherwise(
    immutable: bool, mutable: bool, replaces: int
) -> None:
    ours = {**obj("ConfigMap", {}), "data": {"a": "1"}, "immutable": immutable}
    found = compare(CONFIG_MAP, ours, ours, {**ours, "data": {"a": "2"}}, config_maps_mutable=mutable)
    assert len(found.replaces) == replaces
    assert found.delete_first == bool(replaces)


def test_an_auto_named_object_is_created_before_the_old_one_goes() -> None:
    ours = {**obj("ConfigMap", {}, annotations={"pulumi.com/autonamed": "true"}), "data": {"a": "1"}}
    found = compare(CONFIG_MAP, ours, ours, {**ours, "data": {"a": "2"}})
    assert found.replaces
    assert not found.delete_first


def naming(**options: Any) -> Naming:
    return Naming(prefix="cfg", **options)


def default() -> str:
    return "from-context"


def test_names_come_from_the_old_object_the_engine_or_the_seed_in_this_order() -> None:
    news: Object = {"apiVersion": "v1", "kind": "ConfigMap"}
    seeded = check(CONFIG_MAP, {}, news, naming(seed=b"s"), default)
    assert seeded == check(CONFIG_MAP, {}, news, naming(seed=b"s"), default)
    assert seeded["metadata"]["namespace"] == "from-context"
    assert check(CONFIG_MAP, {}, news, naming(proposed="said"), default)["metadata"]["name"] == "said"
    assert check(CONFIG_MAP, seeded, news, naming(proposed="said"), default)["metadata"] == seeded["metadata"]
    with pytest.raises(ValueError, match=r"set metadata\.name"):
        check(CONFIG_MAP, {}, news, naming(disabled=True), default)


def test_a_name_known_only_later_is_a_name() -> None:
    news: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": UNKNOWN, "namespace": "n"}}
    assert check(CONFIG_MAP, {}, news, naming(), default)["metadata"]["name"] is UNKNOWN


@pytest.mark.parametrize(
    ("token", "metadata", "said"),
    [
        ("kubernetes:core/v1:NamespacePatch", {}, "set metadata.name"),
        (CONFIG_MAP, {"generateName": "x-"}, "generateName"),
        ("kubernetes:core/v1:ConfigMapList", {"name": "x"}, "not served by the offline plugin"),
        ("kubernetes:helm.sh/v3:Release", {"name": "x"}, "not served by the offline plugin"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(token: str, metadata: Object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(token, {}, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, naming(), default)


def test_read_only_metadata_never_becomes_input() -> None:
    news = obj("Service", {}, uid="1", resourceVersion="2", managedFields=[], creationTimestamp="x", generation=1)
    assert check("kubernetes:core/v1:Service", {}, news, naming(), default)["metadata"] == {
        "name": "a",
        "namespace": "n",
    }


def test_secrets_survive_check_and_the_wire() -> None:
    news = {**obj("ConfigMap", {}), "data": {"open": "1", "sealed": Secret("2")}}
    inputs = check(CONFIG_MAP, {}, news, naming(), default)
    assert inputs["data"] == {"open": "1", "sealed": Secret("2")}
    assert decode(encode(inputs)) == inputs
    assert decode(encode(inputs, keep_secrets=False))["data"]["sealed"] == "2"


SAME = {"clusterIdentifier": "x"}


def kubeconfig(server: str) -> str:
    entries = {"clusters": [{"name": "c", "cluster": {"server": server}}]}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    return json.dumps({**entries, "contexts": [context], "current-context": "c"})


@pytest.mark.parametrize(
    ("olds", "news", "replaces"),
    [
        ({"kubeconfig": kubeconfig("a")}, {"kubeconfig": kubeconfig("b")}, ["kubeconfig"]),
        ({"kubeconfig": kubeconfig("a")}, {"kubeconfig": kubeconfig("a") + " "}, []),
        ({"kubeconfig": kubeconfig("a"), **SAME}, {"kubeconfig": kubeconfig("b"), **SAME}, []),
        ({"clusterIdentifier": "x"}, {"clusterIdentifier": "y"}, ["clusterIdentifier"]),
        ({}, {"clusterIdentifier": "y"}, []),
        ({"kubeconfig": "", "context": "a"}, {"kubeconfig": "", "context": "b"}, []),
        ({"kubeconfig": kubeconfig("a")}, {"kubeconfig": UNKNOWN}, ["kubeconfig"]),
    ],
)  # fmt: skip
def test_only_another_cluster_replaces_the_provider(olds: Object, news: Object, replaces: list[str]) -> None:
    changed, found = changes(olds, news)
    assert changed
    assert found == replaces


@pytest.mark.parametrize("option", [{"renderYamlToDirectory": "x"}, {"enableServerSideApply": "false"}])
def test_provider_options_that_the_offline_plugin_lacks_are_refused(option: Object) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        read(option)


def test_taking_over_unites_the_fields_and_leaves_other_owners_alone() -> None:
    def entry(manager: str, operation: str, fields: Object, **more: Any) -> Object:
        return {"manager": manager, "operation": operation, "fieldsV1": fields, "apiVersion": "v1", **more}

    kept = [entry("kcm", "Update", {"f:status": {}}, subresource="status"), entry("helm", "Apply", {"f:data": {}})]
    taken = [
        entry("pulumi-kubernetes", "Update", {"f:data": {".": {}, "f:a": {}}, "f:immutable": {}}),
        entry("kubectl", "Apply", {"f:data": {"f:b": {}}, "f:metadata": {"f:labels": {}}}),
    ]
    ours = entry("us", "Apply", {"f:metadata": {"f:labels": {"f:x": {}}}})
    merged = take_over({"metadata": {"managedFields": [*kept, *taken, ours]}}, "us")
    fields = {
        "f:data": {".": {}, "f:a": {}, "f:b": {}},
        "f:immutable": {},
        "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
    }
    assert merged == [*kept, {**ours, "fieldsV1": fields}]
    assert take_over({"metadata": {"managedFields": kept}}, "us") is None


@pytest.mark.parametrize("text", ["a", "a.b[0].c", 'data["config.yaml"]', 'a["x\\"y"].b', "metadata.annotations.x/y"])
def test_a_property_path_is_written_as_it_was_read(text: str) -> None:
    assert propertypath.render(propertypath.parse(text)) == text
