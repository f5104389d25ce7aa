"""Reading what kubectl printed of a cluster, and what a pod counts for, as the scheduler sees it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.live.kubectl_answer import Answer
from plan.live.kubectl_answer import parse as parse_answer
from plan.live.observed import Observed, Pod
from tests.plan.cluster import CARD, GPUMEM, SLICE, UID, Containers, answer, node, pod


def parse(text: str) -> Observed:
    return parse_answer(Answer(text))


def pod_of(*containers: tuple[str, int], overhead: Mapping[str, str] | None = None) -> Pod:
    asked: Containers = [(kind, {GPUMEM: str(count), "cpu": "100m"}) for kind, count in containers]
    (found,) = parse(answer(pod("immich/ml", asked, overhead=overhead))).pods
    return found


def test_nodes_and_pods_are_read_with_their_labels_and_resources() -> None:
    seen = parse(answer(node(), node("k8s-node2", None, {}), pod("immich/immich-ml")))

    assert seen.cluster_id == UID
    assert [(n.name, n.labels, n.allocatable.get(GPUMEM)) for n in seen.nodes] == [
        ("k8s-node1", {"kubernetes.io/hostname": "k8s-node1", **CARD}, "14k"),
        ("k8s-node2", {"kubernetes.io/hostname": "k8s-node2"}, None),
    ]
    (found,) = seen.pods
    assert (found.namespace, found.workload, found.node) == ("immich", "immich-ml", "k8s-node1")
    assert found.requests(SLICE) == 1


@pytest.mark.parametrize(
    ("owner", "workload"), [("ReplicaSet", "ml"), ("StatefulSet", "ml"), ("Job", "ml"), ("DaemonSet", "ml"), ("", "ml")]
)
def test_a_workload_is_who_a_person_would_name(owner: str, workload: str) -> None:
    (found,) = parse(answer(pod("immich/ml", owner=owner))).pods

    assert found.workload == workload, "a ReplicaSet's own name changes with every rollout"


def test_pods_that_have_ended_hold_nothing() -> None:
    ended = [pod("immich/old", phase=phase) for phase in ("Succeeded", "Failed")]

    assert [found.workload for found in parse(answer(*ended, pod("immich/ml"))).pods] == ["ml"]


@pytest.mark.parametrize(
    ("containers", "count"),
    [
        ([("main", 3), ("main", 4)], 7),
        ([("init", 10), ("main", 4)], 10),
        ([("init", 2), ("init", 3), ("main", 4)], 4),
        ([("sidecar", 5), ("main", 4)], 9),
        ([("sidecar", 5), ("init", 6), ("main", 4)], 11),
        ([("init", 6), ("sidecar", 5), ("main", 4)], 9),
        ([("init", 12), ("sidecar", 5), ("main", 4)], 12),
        ([], 0),
    ],
    ids=str,
)
def test_a_pod_counts_for_the_most_it_has_at_once(containers: list[tuple[str, int]], count: int) -> None:
    assert pod_of(*containers).requests(GPUMEM) == count
    assert pod_of(*containers, overhead={GPUMEM: "100"}).requests(GPUMEM) == count + 100


KINDS = st.sampled_from(["init", "sidecar", "main"])


@given(st.lists(st.tuples(KINDS, st.integers(0, 20)), max_size=6))
def test_a_pod_counts_for_the_largest_of_its_moments(drawn: list[tuple[str, int]]) -> None:
    ordered = [row for row in drawn if row[0] != "main"] + [row for row in drawn if row[0] == "main"]
    moments, sidecars = [0], 0
    for kind, count in ordered:  # one after another: an init container beside the sidecars that are there by then
        if kind == "sidecar":
            sidecars += count
        moments.append(sidecars + (count if kind == "init" else 0))
    moments.append(sidecars + sum(count for kind, count in ordered if kind == "main"))

    assert pod_of(*ordered).requests(GPUMEM) == max(moments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "did not print the namespace kube-system"),
        (answer("warning: something new"), "an unexpected line: 'warning: something new'"),
        (answer("Pod\timmich"), "an unexpected line"),
        (answer(pod("immich/ml", [("ephemeral", {})])), "a container of an unknown kind"),
    ],
)
def test_what_was_not_asked_for_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@pytest.mark.parametrize("sign", ["\0", "\x1b[31m", "\x7f", "\u202e", "\x08"])
def test_a_sign_that_acts_on_a_terminal_is_in_no_name(sign: str) -> None:
    """A pod's namespace and name stand in notes and refusals."""
    for text in (pod(f"x{sign}/y"), pod(f"x/y{sign}"), node(f"n{sign}"), pod("x/y", runtime_class=f"r{sign}")):
        with pytest.raises(ValueError, match="unexpected line") as caught:
            parse(answer(node(), text))
        assert sign not in str(caught.value)
