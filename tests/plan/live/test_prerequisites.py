"""What has to be there before the stack: refused before anything is changed where no waiting mends it."""

from typing import Any

import pytest

from tests import stacks
from tests.plan.cluster import CARD, answer, deployment, driver, namespace, node, pod, volume, whole
from tests.plan.live.looks import look, refusal

NFS = ("nas.example", "/srv/models")
LOCAL = ("/srv/llamacpp", "k8s-node1")
SERVER = deployment("llama-cpp/llama-swap")
THERE = (namespace("llama-cpp"), namespace("immich"), deployment())


def test_a_cluster_that_has_everything_gets_no_note() -> None:
    assert look(whole()).notes == ()
    assert look(whole(node()), stack="disk").notes == ()


def test_a_missing_namespace_is_refused_with_the_command_that_makes_it() -> None:
    text = refusal(answer(driver(), node(), namespace("immich"), deployment()))

    assert text.startswith("local-llm:stack.namespace: got 'llama-cpp'. The cluster has no such namespace.")
    assert "`kubectl create namespace llama-cpp`" in text


def test_all_that_is_missing_is_told_at_once_and_each_once() -> None:
    text = refusal(answer(node(labels={})))

    assert [line.partition(": got")[0].removeprefix("local-llm:stack.") for line in text.splitlines()] == [
        "namespace",
        "immich.namespace",
        "volume.nfs",
        "gpu.node.selector",
    ], "of a namespace that is not there the Deployment is not told too"


def test_a_namespace_on_its_way_out_is_refused() -> None:
    lines = (namespace("llama-cpp", "Terminating"), namespace("immich"), deployment(), driver(), node())

    assert "This namespace is being deleted" in refusal(answer(*lines))


def test_nfs_without_its_driver_is_refused_and_a_local_volume_does_not_need_it() -> None:
    text = refusal(answer(*THERE, driver("ebs.csi.aws.com"), node()))

    assert text.startswith(
        "local-llm:stack.volume.nfs: got 'nas.example'. NFS is mounted by the CSI driver nfs.csi.k8s"
    )
    assert "csi-driver-nfs" in text
    assert look(answer(*THERE, node()), stack="disk").notes == ()


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ((node("k8s-node2"),), "No node has the label kubernetes.io/hostname=k8s-node1; there are k8s-node2."),
        ((node("k8s-node1.lan"), node("k8s-node3")), "there are k8s-node1.lan, k8s-node3. Write the one"),
        (
            (node("k8s-node1", labels={}), node("k8s-node2")),
            "has not the labels of gpu.node.selector, so the server could not mount what lies on it. Nodes with the "
            "card: k8s-node2.",
        ),
    ],
)
def test_a_local_volume_on_a_node_that_will_not_do_is_refused_with_those_that_there_are(
    nodes: tuple[str, ...], said: str
) -> None:
    text = refusal(whole(*nodes), stack="disk")

    assert text.startswith("local-llm:stack.volume.local.node: got 'k8s-node1'.")
    assert said in text


def test_the_hosts_name_counts_and_not_the_nodes() -> None:
    renamed = node("ip-10-0-0-1", labels={"kubernetes.io/hostname": "k8s-node1", **CARD})

    assert look(whole(renamed), stack="disk").notes == ()


@pytest.mark.parametrize(("stack", "source"), [("t4", {"nfs": NFS}), ("disk", {"local": LOCAL})])
def test_another_stacks_volume_on_the_same_directory_is_noted_and_refused_where_prune_removes(
    stack: str, source: dict[str, Any]
) -> None:
    other = volume("other-llamacpp-models", "other/llamacpp-models", **source)

    (note,) = look(whole(node(), other), stack=stack).notes
    assert note.startswith("The volume other-llamacpp-models of the claim other/llamacpp-models has the same directory")
    text = refusal(whole(node(), other), stack=stack, prune={"mode": "delete"})
    assert text.startswith("local-llm:stack.prune.mode: got 'delete'.")
    assert "other-llamacpp-models of the claim other/llamacpp-models" in text


@pytest.mark.parametrize(
    "other",
    [
        volume("llama-cpp-llamacpp-models", "llama-cpp/llamacpp-models", nfs=NFS),
        volume("other", "other/models", nfs=("nas.example", "/srv/other")),
        volume("other", "other/models", nfs=("nas2.example", "/srv/models")),
        volume("other", "other/models", local=LOCAL),
        volume("other", "other/models", nfs=NFS, phase="Released"),
        volume("other", "other/models", nfs=NFS).replace("local-llm", "someone"),
        volume("other", "other/models"),
    ],
)
def test_our_own_volume_and_other_directories_and_other_peoples_volumes_are_no_matter(other: str) -> None:
    assert look(whole(node(), other, SERVER), prune={"mode": "delete"}).notes == ()


def test_a_server_that_is_gone_is_noted_from_when_its_volume_is_there() -> None:
    """`pulumi up` takes a deleted Deployment for unchanged."""
    ours = volume("llama-cpp-llamacpp-models", "llama-cpp/llamacpp-models", nfs=NFS)

    assert look(whole(node())).notes == (), "before the first `up`"
    (note,) = look(whole(node(), ours)).notes
    assert note.startswith("The cluster has no Deployment llama-swap in the namespace llama-cpp.")
    assert "`pulumi up --refresh` makes it again" in note
    assert look(whole(node(), ours, SERVER)).notes == ()
    assert "llama-swap" not in str(look(whole(node(), ours), {"deployments": "why"}).notes)


def test_another_stack_in_the_same_namespace_is_refused() -> None:
    text = refusal(whole(node(), volume("llama-cpp-theirs", "llama-cpp/theirs", nfs=("nas.example", "/srv/theirs"))))

    assert text.startswith("local-llm:stack.namespace: got 'llama-cpp'. The claim theirs in it has a volume of another")
    assert "Write another namespace, or, where this is that stack, the name of its claim in volume.name." in text


@pytest.mark.parametrize(
    "other",
    [
        volume("theirs", "llama-cpp/theirs", phase="Released"),
        volume("theirs", "llama-cpp/theirs").replace("local-llm", "someone"),
        volume("theirs", "elsewhere/theirs"),
    ],
)
def test_what_another_stack_has_left_behind_and_other_peoples_volumes_do_not_keep_one_out(other: str) -> None:
    assert look(whole(node(), other)).notes == ()


def test_a_volume_of_our_name_for_another_claim_is_refused() -> None:
    text = refusal(whole(node(), volume("llama-cpp-llamacpp-models", "else/where")))

    assert text.startswith("local-llm:stack.volume.name: got 'llamacpp-models'. A volume llama-cpp-llamacpp-models is")
    assert "for the claim else/where" in text


OTHERS = pod("media/encoder", [("main", {"nvidia.com/gpu": "60"})])
MORE = pod("cams/frigate", [("main", {"nvidia.com/gpu": "40"})])


@pytest.mark.parametrize(
    ("lines", "key", "said"),
    [
        ((node(labels={}),), "node.selector", "No node has these labels"),
        ((node(slices=None),), "slice.resource", "k8s-node1 offers none"),
        ((node(slices="0"),), "slice.resource", "k8s-node1 offers none"),
        ((node(cordoned=True),), "node.selector", "`kubectl uncordon k8s-node1`"),
        ((node(cordoned=True), node("k8s-node2", labels={})), "node.selector", "k8s-node1 takes no new pods"),
        ((node(cordoned=True), node("k8s-node3", slices=None)), "slice.resource", "offers none"),
        ((node(), OTHERS, MORE), "slice.count", "offers 100, requested by media/encoder 60, cams/frigate 40"),
        ((node(slices="99"), OTHERS, MORE), "slice.count", "offers 99, requested by media/encoder 60"),
        ((node(slices="60"), OTHERS, node("k8s-node3", slices="0")), "slice.count", "k8s-node3 offers 0"),
    ],
)
def test_c10_a_card_that_has_no_room_for_the_server_is_refused_before_the_old_one_goes(
    lines: tuple[str, ...], key: str, said: str
) -> None:
    text = refusal(whole(*lines))

    assert text.startswith(f"local-llm:stack.gpu.{key}: got ")
    assert said in text
    assert "so a new server would wait after the old one is gone. Nothing was changed" in text


@pytest.mark.parametrize(
    "lines",
    [
        (node(slices="101"), OTHERS, MORE),
        (node(slices="100k"), OTHERS, MORE),
        (node(cordoned=True), node("k8s-node3")),
        (node(slices="1"), pod("llama-cpp/llama-swap", labels={"app.kubernetes.io/name": "llama-swap"})),
        (node(slices="1"), pod("media/encoder", on="k8s-node2")),
        (node(slices="1"), pod("media/encoder", on="", phase="Pending")),
    ],
)
def test_c10_room_for_one_more_will_do_and_our_own_old_server_makes_room(lines: tuple[str, ...]) -> None:
    look(whole(*lines))


def test_more_slices_than_any_node_offers_are_refused() -> None:
    gpu = {**stacks.raw("t4")["gpu"], "slice": {"count": 101}}

    assert "slice.count: got 101. No node has that many of nvidia.com/gpu left" in refusal(whole(), gpu=gpu)
