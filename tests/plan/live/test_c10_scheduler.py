"""C10: what the scheduler would say is asked before the old server goes, and what it does not see is noted."""

from typing import Any

import pytest

from tests import stacks
from tests.plan.cluster import CARD, SLICE, node, pod, runtime_class, whole
from tests.plan.live.looks import look, refusal

TAINT = f"{SLICE}=present:NoSchedule"
SERVER = {"app.kubernetes.io/name": "llama-swap", "app.kubernetes.io/component": "server"}


def gpu(**keys: Any) -> dict[str, Any]:
    raw = stacks.raw("t4")["gpu"]
    return {**raw, "node": {**raw.get("node", {}), **keys.pop("node", {})}, **keys}


def tolerating(*tolerations: dict[str, str]) -> dict[str, Any]:
    return gpu(node={"tolerations": list(tolerations)})


def notes(answer: str, **changes: Any) -> str:
    return "\n".join(look(answer, **changes).notes)


@pytest.mark.parametrize(
    ("taint", "fix"),
    [
        (TAINT, "Add `tolerations: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]`."),
        ("dedicated=gpu:NoSchedule", "Add `tolerations: [{key: dedicated, value: gpu, effect: NoSchedule}]`."),
        ("gpu=:NoExecute", "Add `tolerations: [{key: gpu, effect: NoExecute}]`."),
        ("a.example/b=c:NoSchedule", "Add `tolerations: [{key: a.example/b, value: c, effect: NoSchedule}]`."),
        (
            "node-role.kubernetes.io/control-plane=:NoSchedule",
            "Add `tolerations: [{key: node-role.kubernetes.io/control-plane, eff",
        ),
    ],
)
def test_a_taint_that_nothing_tolerates_is_refused_with_the_toleration(taint: str, fix: str) -> None:
    said = refusal(whole(node(taints=[taint])), gpu=tolerating())

    assert "gpu.node.tolerations" in said
    assert f"(k8s-node1 has {taint.replace('=:', ':')})" in said
    assert "so a new server would wait after the old one is gone. Nothing was changed" in said
    assert fix in said


@pytest.mark.parametrize(
    ("taint", "toleration"),
    [
        (TAINT, {"key": SLICE, "value": "present", "effect": "NoSchedule"}),
        (TAINT, {"key": SLICE, "effect": "NoSchedule"}),
        (TAINT, {"key": SLICE, "operator": "Exists", "effect": "NoSchedule"}),
        ("gpu=:NoExecute", {"key": "gpu", "effect": "NoExecute"}),
    ],
)
def test_what_is_tolerated_keeps_nobody_away(taint: str, toleration: dict[str, str]) -> None:
    assert notes(whole(node(taints=[taint])), gpu=tolerating(toleration)) == ""


@pytest.mark.parametrize(
    "toleration",
    [
        {"key": SLICE, "value": "other", "effect": "NoSchedule"},
        {"key": "other", "value": "present", "effect": "NoSchedule"},
        {"key": SLICE, "value": "present", "effect": "NoExecute"},
    ],
)
def test_a_toleration_of_something_else_is_none(toleration: dict[str, str]) -> None:
    assert "Taints keep it from every node" in refusal(whole(node(taints=[TAINT])), gpu=tolerating(toleration))


@pytest.mark.parametrize(
    "taint",
    [
        "a=b:PreferNoSchedule",
        "node.kubernetes.io/not-ready=:NoExecute",
        "node.kubernetes.io/unreachable=:NoExecute",
        "node.kubernetes.io/memory-pressure=:NoSchedule",
        "node.cloudprovider.kubernetes.io/uninitialized=true:NoSchedule",
    ],
)
def test_a_taint_that_does_not_forbid_or_goes_by_itself_is_no_refusal(taint: str) -> None:
    assert notes(whole(node(taints=[taint])), gpu=tolerating()) == ""


def test_a_second_node_that_is_open_is_enough() -> None:
    assert notes(whole(node(taints=["a=b:NoSchedule"]), node("k8s-node2")), gpu=tolerating()) == ""


def test_a_cluster_that_tolerates_the_resource_by_itself_is_known_by_the_server_that_runs_there() -> None:
    """The admission plugin ExtendedResourceToleration adds it to each pod that requests the resource."""
    server = pod("llama-cpp/llama-swap", labels=SERVER)

    assert notes(whole(node(taints=[TAINT]), server), gpu=tolerating()) == ""
    assert "Taints keep it" in refusal(whole(node(taints=["a=b:NoSchedule"]), server), gpu=tolerating())


@pytest.mark.parametrize("other", ["nvidia.com/gpu.shared", "nvidia.com/mig-1g.10gb", "amd.com/gpu"])
def test_a_slice_under_another_name_is_named(other: str) -> None:
    line = node(slices=None).replace("memory=65Gi ", f"memory=65Gi {other}=4 ")

    said = refusal(whole(line))

    assert f"They offer {other}: write that, or see whether the device plugin runs" in said
    assert "gpu.slice.resource: got 'nvidia.com/gpu'. k8s-node1 offers none" in said


def test_one_that_offers_nothing_of_a_card_is_told_to_look_at_the_plugin() -> None:
    said = refusal(whole(node(slices=None, offered=None)))

    assert "See whether the device plugin runs, and `kubectl describe node k8s-node1`" in said
    assert "They offer" not in said


@pytest.mark.parametrize("sharing", ["time-slicing", "mps", "none", ""])
def test_several_slices_of_a_card_that_is_shared_by_time_are_noted(sharing: str) -> None:
    labels = CARD | ({"nvidia.com/gpu.sharing-strategy": sharing} if sharing else {})
    two = gpu(slice={"resource": SLICE, "count": 2})

    said = notes(whole(node(labels=labels)), gpu=two)

    assert ("k8s-node1 shares its card by time, so 2 slices are no more of it than 1" in said) == (
        sharing == "time-slicing"
    )
    assert "slices are no more" not in notes(whole(node(labels=labels)))


def test_two_pods_of_one_tenant_are_noted() -> None:
    twice = [pod("frigate/frigate", owner="StatefulSet"), pod("frigate/frigate")]

    assert (
        "gpu.tenants.frigate has 2 pods, frigate, frigate-7d4c9-x2x4z on the card, and its peak_mib is counted once."
        in notes(whole(node(), *twice))
    )
    assert "counted once" not in notes(whole(node(), twice[0]))
    assert "counted once" not in notes(whole(node(), twice[0], pod("frigate/frigate", phase="Succeeded")))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"runtime_class": "nvidia"}, "media/jellyfin (runtimeClassName nvidia)"),
        ({"claims": True}, "media/jellyfin (a claim)"),
        ({"runtime_class": "nvidia", "owner": "StatefulSet"}, "media/jellyfin (runtimeClassName nvidia)"),
    ],
)
def test_a_pod_that_has_the_card_without_a_slice_is_noted(keys: dict[str, Any], said: str) -> None:
    found = notes(whole(node(), pod("media/jellyfin", (("main", {}),), **keys)))

    assert f"On the card's node without a request for a slice, so nothing counts them: {said}." in found


@pytest.mark.parametrize(
    "keys",
    [
        {"runtime_class": "gvisor"},
        {},
        {"runtime_class": "nvidia", "owner": "DaemonSet"},
        {"runtime_class": "nvidia", "on": "k8s-node9"},
        {"runtime_class": "nvidia", "phase": "Succeeded"},
    ],
)
def test_other_pods_without_a_slice_are_not(keys: dict[str, Any]) -> None:
    assert "nothing counts them" not in notes(whole(node(), pod("media/jellyfin", (("main", {}),), **keys)))


def test_the_class_that_the_stack_names_counts_too() -> None:
    other = pod("media/jellyfin", (("main", {}),), runtime_class="nvidia-cdi")

    assert "nothing counts them" not in notes(whole(node(), other))
    assert "(runtimeClassName nvidia-cdi)" in notes(
        whole(node(), other, runtime_class("nvidia-cdi")), gpu=gpu(node={"runtime_class": "nvidia-cdi"})
    )


@pytest.mark.parametrize("odd", ["x", "a=b", "=b:NoSchedule", "a:NoSchedule", "\x1b[31m=x"])
def test_a_taint_that_cannot_be_read_is_a_note(odd: str) -> None:
    assert "Not checked in the cluster" in notes(whole(node(taints=[odd])))


CLASS = gpu(node={"runtime_class": "nvidia"})
OTHERS = [runtime_class("gvisor"), runtime_class("nvidia-cdi")]


@pytest.mark.parametrize(("there", "named"), [([], "there is none"), (OTHERS, "there is gvisor, nvidia-cdi")])
def test_a_runtime_class_that_the_cluster_has_not_is_refused_before_a_pod_is_missed(
    there: list[str], named: str
) -> None:
    said = refusal(whole(node(), *there), gpu=CLASS)

    assert "gpu.node.runtime_class: got 'nvidia'. The cluster has no such RuntimeClass" in said
    assert named in said
    assert "GPU operator" in said


def test_one_that_is_there_is_as_good_as_none() -> None:
    assert notes(whole(node(), runtime_class()), gpu=CLASS) == notes(whole(node())) == ""


def test_without_the_right_to_list_them_it_is_a_note() -> None:
    (note,) = look(whole(node()), {"runtimeclasses": "forbidden"}, gpu=CLASS).notes

    assert note.startswith("Not checked in the cluster: the RuntimeClass: forbidden")
    assert look(whole(node()), {"runtimeclasses": "forbidden"}).notes == ()


def test_nodes_that_the_class_asks_for_are_the_ones_that_count() -> None:
    only = runtime_class("nvidia", {"nvidia.com/toolkit": "ready"})
    ready = node("ready", labels={**CARD, "nvidia.com/toolkit": "ready"})

    assert notes(whole(node(), ready, only), gpu=CLASS) == ""
    said = refusal(whole(node(), only), gpu=CLASS)
    assert "No node has these labels" in said
    assert "nvidia.com/toolkit" in said
    assert notes(whole(node(), only)) == "", "the stack names no class"


@pytest.mark.parametrize(
    ("tolerated", "goes"),
    [
        (f"{SLICE}=present:NoSchedule:Equal", True),
        (f"{SLICE}=:NoSchedule:Exists", True),
        (f"{SLICE}=::Exists", True),
        ("=::Exists", True),
        (f"{SLICE}=other:NoSchedule:", False),
        (f"{SLICE}=present:NoExecute:", False),
        ("x=::Exists", False),
    ],
)
def test_what_the_class_tolerates_keeps_nobody_away(tolerated: str, goes: bool) -> None:
    answer = whole(node(taints=[TAINT]), runtime_class("nvidia", {}, tolerated))

    if goes:
        assert notes(answer, gpu=CLASS) == ""
    else:
        assert "Taints keep it from every node" in refusal(answer, gpu=CLASS)


@pytest.mark.parametrize("odd", ["x", "a=b", "a=b:c", "a=b:c:d:e"])
def test_a_toleration_that_cannot_be_read_is_a_note(odd: str) -> None:
    assert "Not checked in the cluster" in notes(whole(node(), runtime_class("nvidia", {}, odd)))
