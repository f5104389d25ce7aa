"""Which objects of a state are gone or edited: found by comparing what the stack sets, whatever others add."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.live.objects.drift import OtherClusterError, compare, identity, objects

Object = dict[str, Any]
Change = Callable[[Object], object]
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
LABELS = {"app.kubernetes.io/part-of": "local-llm"}
OURS = {"manager": "pulumi-kubernetes", "time": "2026-11-29T10:00:00Z"}
THEIRS = {"manager": "kubectl-edit", "time": "2026-11-29T14:02:00Z"}


def resource(kind: str, name: str, namespace: str = "ns", **fields: Any) -> Object:
    """One of a state; what the server adds to the object is in the outputs alone."""
    metadata: Object = {"name": name, "labels": dict(LABELS), **({"namespace": namespace} if namespace else {})}
    inputs: Object = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}
    outputs = copy.deepcopy(inputs)
    outputs["metadata"] |= {"uid": f"uid-{kind}-{name}", "managedFields": [dict(OURS)]}
    return {"urn": f"urn:{kind}/{name}", "type": f"kubernetes:v1:{kind}", "inputs": inputs, "outputs": outputs}


def deployment() -> Object:
    env = [{"name": "HOME", "value": "/tmp"}]  # noqa: S108 - a value
    container = {"name": "server", "image": "llama@sha256:1", "env": env}
    return resource("Deployment", "server", spec={"replicas": 1, "template": {"spec": {"containers": [container]}}})


def secret() -> Object:
    made = resource("Secret", "key", data=dict(SECRET))
    made["outputs"]["metadata"]["managedFields"] = [{**OURS, "fieldsV1": {"f:data": {".": {}, "f:api-key": {}}}}]
    return made


def live(it: Object) -> Object:
    """The object as it was when the state was saved, with what nobody asked for."""
    now = copy.deepcopy(it["outputs"])
    now |= {"status": {"phase": "Ready"}}
    if it["outputs"]["kind"] == "Secret":
        now["data"] = {"api-key": "c2VjcmV0"}
    return now


def edited(it: Object, change: Change, entry: Object = THEIRS) -> Object:
    now = live(it)
    change(now)
    now["metadata"]["managedFields"].append(entry)
    return now


def container_of(obj: Object) -> Object:
    return obj["spec"]["template"]["spec"]["containers"][0]


EDITS: list[tuple[Change, str]] = [
    (lambda it: it["spec"].update(replicas=0), "spec.replicas is 0, was 1"),
    (lambda it: container_of(it).update(image="evil@sha256:2"), "containers[server].image is 'evil@sha256:2'"),
    (lambda it: container_of(it)["env"][0].update(value="/x"), "env[HOME].value is '/x', was '/tmp'"),
    (lambda it: container_of(it).pop("env"), "containers[server].env is nothing"),
    (lambda it: container_of(it)["env"].clear(), "env[HOME] is nothing"),
    (lambda it: it["metadata"].pop("labels"), "metadata.labels is nothing"),
    (lambda it: it["metadata"]["labels"].clear(), "labels.app.kubernetes.io/part-of is nothing, was 'local-llm'"),
]
THEIR_OWN: list[Change] = [
    lambda it: it["metadata"]["labels"].update(more="yes"),
    lambda it: it["metadata"].update(annotations={"deployment.kubernetes.io/revision": "2"}),
    lambda it: container_of(it)["env"].append({"name": "MORE", "value": "1"}),
    lambda it: container_of(it)["env"].insert(0, {"name": "TZ", "value": "UTC"}),
    lambda it: it["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar", "image": "mesh"}),
    lambda it: it["spec"].update(paused=True),
    lambda it: it.update(status={"phase": "Failed"}),
]


@pytest.mark.parametrize(("change", "said"), EDITS)
def test_an_edited_field_is_named_with_both_values_and_who_wrote_it(change: Change, said: str) -> None:
    it = deployment()

    (found,) = compare([it], [edited(it, change)])

    assert found.urn == "urn:Deployment/server"
    assert said in str(found)
    assert str(found).startswith("Deployment ns/server was edited by kubectl-edit at 2026-11-29T14:02:00Z: ")
    assert not found.lost_files


@pytest.mark.parametrize("change", THEIR_OWN)
def test_what_others_add_beside_our_fields_is_theirs(change: Change) -> None:
    it = deployment()

    assert compare([it], [edited(it, change)]) == ()


def test_a_value_that_the_server_writes_in_another_way_is_no_edit() -> None:
    it = deployment()
    it["inputs"]["spec"]["replicas"] = "1"  # what was sent; the state has what the server made of it

    assert compare([it], [live(it)]) == ()


def test_an_object_is_gone_being_deleted_or_somebody_elses() -> None:
    it, patch = deployment(), {**resource("Namespace", "ns", ""), "type": "kubernetes:core/v1:NamespacePatch"}
    going = live(it)
    going["metadata"]["deletionTimestamp"] = "2026-11-29T14:02:00Z"

    assert [str(found) for found in compare([it, patch], [])] == ["Deployment ns/server is gone"]
    assert [str(found) for found in compare([it], [going])] == ["Deployment ns/server is being deleted"]


def test_of_a_patch_the_metadata_counts_alone() -> None:
    spec = {"containers": [{"name": "immich", "env": [{"name": "TTL", "value": "600"}]}]}
    it = {**resource("Deployment", "immich", spec=spec), "type": "kubernetes:apps/v1:DeploymentPatch"}

    assert compare([it], [edited(it, lambda now: now["spec"]["containers"][0]["env"].clear())]) == ()
    assert compare([it], [edited(it, lambda now: now["metadata"]["labels"].clear())]) != ()


@pytest.mark.parametrize("kind", ["PersistentVolume", "PersistentVolumeClaim"])
def test_what_leads_to_the_weights_is_no_ordinary_loss(kind: str) -> None:
    it = resource(kind, "models", spec={"capacity": "5Gi"})
    going = live(it)
    going["metadata"]["deletionTimestamp"] = "2026-11-29T14:02:00Z"

    assert [found.lost_files for found in compare([it], [])] == [True]
    assert [found.lost_files for found in compare([it], [going])] == [True]
    assert [
        found.lost_files for found in compare([it], [edited(it, lambda now: now["spec"].update(capacity="1Gi"))])
    ] == [False]


def test_ports_that_others_put_before_ours_are_theirs() -> None:
    ports = [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}]
    service = resource("Service", "web", spec={"ports": ports})

    assert compare([service], [edited(service, lambda now: now["spec"]["ports"].reverse())]) == ()
    theirs = {"name": "ssh", "port": 22}
    assert compare([service], [edited(service, lambda now: now["spec"]["ports"].insert(0, theirs))]) == ()


def test_an_element_under_another_key_is_left_to_a_person_for_no_apply_takes_it_away() -> None:
    service = resource("Service", "web", spec={"ports": [{"name": "http", "port": 8080}]})
    (port,) = compare([service], [edited(service, lambda now: now["spec"]["ports"][0].update(port=9))])
    (renamed,) = compare([deployment()], [edited(deployment(), lambda now: container_of(now).update(name="other"))])
    (inside,) = compare([deployment()], [edited(deployment(), lambda now: container_of(now)["env"].clear())])

    assert port.fix == "kubectl delete service web -n ns"
    assert renamed.fix == "kubectl delete deployment server -n ns"
    assert inside.fix == ""


def test_a_secret_is_judged_by_who_wrote_its_data_and_never_shown() -> None:
    it = secret()
    wrote: Object = {**THEIRS, "fieldsV1": {"f:data": {"f:api-key": {}}}}
    other: Object = {**THEIRS, "fieldsV1": {"f:data": {"f:their-own": {}}, "f:metadata": {}}}
    assert compare([it], [live(it)]) == ()
    assert compare([it], [edited(it, lambda now: now["data"].update({"their-own": "eA=="}), other)]) == ()

    (anew,) = compare([it], [edited(it, lambda now: now["data"].update({"api-key": "aGFja2Vk"}), wrote)])
    (gone,) = compare([it], [edited(it, lambda now: now["data"].pop("api-key"))])

    assert "data.api-key was written anew" in str(anew)
    assert "data.api-key is gone" in str(gone)
    assert "aGFja2Vk" not in str(anew)
    assert anew.fix == gone.fix == "kubectl delete secret key -n ns"
    assert [it.fix for it in compare([it], [edited(it, lambda now: now["metadata"]["labels"].clear())])] == [""]


def test_a_value_that_looks_like_a_secret_is_not_shown_and_a_long_list_is_cut() -> None:
    it = resource("ConfigMap", "files", data={**{f"key-{n}": "old" for n in range(5)}, "api_token": "old"})

    (found,) = compare([it], [edited(it, lambda now: now["data"].update(dict.fromkeys(now["data"], "hunter2")))])

    assert str(found).endswith("; and 3 more")
    assert "data.api_token is ***, was ***" in found.changes


def test_the_state_of_another_cluster_is_not_judged() -> None:
    read = {**resource("Namespace", "kube-system", ""), "external": True}
    other = live(read)
    other["metadata"]["uid"] = "other"

    assert compare([read, deployment()], [live(read), live(deployment())]) == ()
    with pytest.raises(OtherClusterError, match="the cluster uid-Namespace-kube-system, and kubectl asks other"):
        compare([read, deployment()], [other])


def test_objects_are_those_of_the_cluster_that_were_made_and_are_to_stay() -> None:
    kept, old = deployment(), {**resource("ConfigMap", "old"), "delete": True}
    failed: Object = {**resource("Job", "failed"), "outputs": {}}
    others: list[Object] = [{"urn": "a", "type": "pulumi:index:Stash"}, {"urn": "b", "type": "llm:server:LlamaSwap"}]

    assert objects({"deployment": {"resources": [kept, old, failed, *others]}}) == [kept]
    assert objects({"deployment": {"resources": None}}) == []
    assert objects({"deployment": {}}) == []
    assert identity(kept) == {
        "apiVersion": "v1",
        "kind": "Deployment",
        "metadata": {"name": "server", "namespace": "ns"},
    }


NAMES = st.text("abcdefg", min_size=1, max_size=3)


@given(st.sets(st.tuples(st.sampled_from(["ConfigMap", "Job", "Service"]), NAMES, NAMES)), st.data())
def test_exactly_what_was_deleted_is_gone_in_whatever_order_it_is_answered(
    those: set[tuple[str, str, str]], data: st.DataObject
) -> None:
    resources = [resource(kind, name, namespace) for kind, name, namespace in sorted(those)]
    there = data.draw(st.permutations(resources))
    deleted = data.draw(st.sets(st.sampled_from(range(len(there))) if there else st.nothing()))

    found = compare(resources, [live(it) for index, it in enumerate(there) if index not in deleted])

    assert sorted(it.name + it.kind for it in found) == sorted(
        "/".join(it["inputs"]["metadata"][key] for key in ("namespace", "name")) + it["inputs"]["kind"]
        for index, it in enumerate(there)
        if index in deleted
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, VALUES, VALUES)
def test_any_shape_is_compared_and_what_is_equal_never_differs(shape: Any, old: Any, new: Any) -> None:
    it = resource("ConfigMap", "any", spec=shape)
    it["outputs"]["spec"] = old

    assert compare([it], [live(it)]) == ()
    for found in compare([it], [edited(it, lambda now: now.update(spec=new))]):
        assert str(found).isprintable()
