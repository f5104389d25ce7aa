"""Creates that a killed Pulumi never noted as done: what is adopted, what is forgotten, and where it goes."""

from typing import Any

from dev.pulumi.interrupted import settle

LABELS = {"app.kubernetes.io/part-of": "local-llm"}


def resource(kind: str, name: str, namespace: str | None = "ns", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": LABELS, **({"namespace": namespace} if namespace else {})}
    inputs = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    return {"urn": f"urn:{kind}", "type": f"kubernetes:core/v1:{kind}", "inputs": inputs, **fields}


def deployment(pending: dict[str, Any], *resources: dict[str, Any], type: str = "creating") -> dict[str, Any]:  # noqa: A002
    return {"resources": list(resources), "pending_operations": [{"type": type, "resource": pending}]}


def live(labels: dict[str, str] = LABELS) -> Any:
    return lambda wanted: {**wanted, "metadata": {**wanted["metadata"], "labels": {**labels, "more": "x"}}}


def test_an_object_that_was_created_becomes_a_resource_with_the_id_its_plugin_would_give() -> None:
    for namespace, expected in (("ns", "ns/a"), (None, "a")):
        state = deployment(resource("Secret", "a", namespace), {"urn": "urn:other"})

        assert settle(state, live()) == ["urn:Secret"]
        assert [found.get("id") for found in state["resources"]] == [None, expected]
        assert "pending_operations" not in state


def test_an_object_that_was_never_created_is_forgotten() -> None:
    state = deployment(resource("Secret", "a"))

    assert settle(state, lambda _: None) == []
    assert state == {"resources": []}


def test_an_object_without_our_labels_is_someone_elses_and_is_not_adopted() -> None:
    state = deployment(resource("Secret", "a"))

    assert settle(state, live({})) == []
    assert state["resources"] == []


def test_patches_keys_and_updates_are_left_to_the_next_up() -> None:
    password = {"urn": "urn:p", "type": "pulumi:index:Stash", "inputs": {"input": "x"}}
    for state in (
        deployment(resource("DeploymentPatch", "a")),
        deployment(password),
        deployment(resource("Secret", "a"), type="updating"),
    ):
        assert settle(state, live()) == []
        assert state == {"resources": []}


def test_a_replacement_takes_the_place_of_what_was_deleted_before_it() -> None:
    gone, dependent = resource("Job", "a", id="ns/a", pendingReplacement=True), {"urn": "urn:dependent"}
    state = deployment(resource("Job", "a"), gone, dependent)

    settle(state, live())

    assert state["resources"] == [resource("Job", "a", id="ns/a"), dependent], "a dependent never comes first"


def test_what_a_replacement_was_created_beside_is_still_deleted_by_the_next_up() -> None:
    state = deployment(resource("ConfigMap", "a-2"), resource("ConfigMap", "a-1", id="ns/a-1"))

    settle(state, live())

    assert [(old["id"], old.get("delete")) for old in state["resources"]] == [("ns/a-2", None), ("ns/a-1", True)]


def test_what_the_state_knows_already_stays_one_resource() -> None:
    state = deployment(resource("Secret", "a"), resource("Secret", "a", id="ns/a", outputs={"old": 1}))

    settle(state, live())

    assert [found["id"] for found in state["resources"]] == ["ns/a"]
