"""One look at a cluster: what is known in part, what is not known, and whose cluster it is."""

import pytest

from plan.base.errors import ConfigError
from plan.live.kubectl_answer import Answer, refusals
from plan.live.look import judge, unasked, unread
from plan.live.question import KINDS
from tests import stacks
from tests.plan.cluster import GPUMEM, answer, driver, namespace, node, pod, whole
from tests.plan.live.looks import look, refusal
from tests.plans import made

FORBIDDEN = (
    'Error from server (Forbidden): {}.apps is forbidden: User "ci" cannot list resource "{}" in API group "apps" '
    "at the cluster scope"
)
MEMORY = {"resource": GPUMEM, "budget_mib": 14000, "request_mib": 7100}


def test_another_clusters_objects_are_not_judged() -> None:
    elsewhere = answer(node(labels={}), uid="99999999-2222-4333-8444-555555555555")

    assert look(elsewhere).notes == (), "the guard refuses it, and that is the message a person needs"
    assert look(elsewhere, gpu={**stacks.raw("t4")["gpu"], "memory": MEMORY}).notes == ()


@pytest.mark.parametrize("text", ["", answer("nonsense"), whole(node(slices="x"))])
def test_what_cannot_be_read_is_refused_with_gpu_memory_and_noted_without(text: str) -> None:
    said = refusal(text, gpu={**stacks.raw("t4")["gpu"], "memory": MEMORY})

    assert "gpu.memory: got '7100 MiB of viktorbarzin.me/gpumem'. How much other pods leave of it is not known" in said
    assert f"try `kubectl get {','.join(KINDS)} -A`" in said
    (note,) = look(text).notes
    assert note.startswith(
        "Not checked in the cluster: room on the card, undeclared tenants, the CSI driver, other volumes on the same "
        "directory, a server that was deleted, immich's TTL: "
    )
    assert "\n" not in note


def test_a_cluster_that_cannot_be_asked_changes_nothing() -> None:
    expected = made(stacks.raw("t4")).expected

    assert unread(expected, "x").immich == expected.immich
    assert unasked(expected).notes == ()


def test_a_missing_right_costs_only_its_own_check() -> None:
    undeclared = whole(node(), pod("media/stremio"))
    first, second = look(
        undeclared.replace(driver() + "\n", ""), {"csidrivers": FORBIDDEN.format(*["csidrivers"] * 2)}
    ).notes

    assert first.startswith("Not checked in the cluster: the CSI driver: Error from server (Forbidden)")
    assert "try `kubectl get csidrivers -A`" in first
    assert "media/stremio" in second


def test_without_nodes_the_tenants_are_not_known_and_the_rest_is() -> None:
    text = answer(namespace("llama-cpp"), namespace("immich"), driver())
    refused = {"nodes": "no nodes", "deployments": "no deployments"}

    (note,) = look(text, refused).notes
    assert note.startswith(
        "Not checked in the cluster: room on the card, undeclared tenants, a server that was deleted, immich's TTL: "
        "no nodes; no deployments. "
    )
    with pytest.raises(ConfigError, match=r"gpu\.memory: got .*no nodes; no deployments"):
        judge(
            made({**stacks.raw("t4"), "gpu": {**stacks.raw("t4")["gpu"], "memory": MEMORY}}).expected,
            Answer(text, refused),
        )


def test_a_stack_that_needs_less_misses_less() -> None:
    raw = {**stacks.raw("t4"), "immich": None, "volume": {"name": "models", "existing_claim": True}}

    (note,) = unread(made(raw).expected, "x").notes
    assert note.startswith("Not checked in the cluster: room on the card, undeclared tenants: x. ")
    assert look(whole(), {"persistentvolumes": "x"}, immich=None, volume=raw["volume"]).notes == ()


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (FORBIDDEN.format("deployments", "deployments"), {"deployments"}),
        ("\n".join(FORBIDDEN.format(kind, kind) for kind in KINDS), set(KINDS)),
        ("I1129 14:02:03.1 1 x.go:1] hello\nWarning: old\n" + FORBIDDEN.format("nodes", "nodes"), {"nodes"}),
        (FORBIDDEN.format("nodes", "nodes") + "\nUnable to connect to the server: EOF", set()),
        (FORBIDDEN.format("secrets", "secrets"), set()),
        ('error: the server doesn\'t have a resource type "csidrivers"', set()),
        ("Error from server (Forbidden): no reason", set()),
        ("", set()),
    ],
)
def test_a_refused_kind_is_told_from_every_other_failure(said: str, kinds: set[str]) -> None:
    assert set(refusals(said)) == kinds
