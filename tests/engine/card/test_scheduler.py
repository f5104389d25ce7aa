"""C10 on the played cluster: where the scheduler has no place for a new server, the old one is left in peace."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from dev.cluster import nodes
from dev.cluster.kubectl import kubectl
from tests.engine.card.test_gpu_memory import there
from tests.engine.played import INSTANCE, Stack

SLICE = "nvidia.com/gpu"
_LABEL = next(iter(nodes.GPU_LABEL))


def on_card(*words: str) -> None:
    kubectl(INSTANCE, *words)


def offers(slices: dict[str, str | None]) -> None:
    body = json.dumps({"status": {"capacity": slices, "allocatable": slices}})
    on_card("patch", "node", nodes.CARD, "--subresource=status", "--type=merge", f"--patch={body}")


Do = Callable[[], None]
DAMAGES: dict[str, tuple[Do, Do, str]] = {
    "a taint": (
        lambda: on_card("taint", "node", nodes.CARD, "dedicated=others:NoSchedule"),
        lambda: on_card("taint", "node", nodes.CARD, "dedicated-"),
        "Add `tolerations: [{key: dedicated, value: others, effect: NoSchedule}]`",
    ),
    "a cordon": (
        lambda: on_card("cordon", nodes.CARD),
        lambda: on_card("uncordon", nodes.CARD),
        f"kubectl uncordon {nodes.CARD}",
    ),
    "no label": (
        lambda: on_card("label", "node", nodes.CARD, f"{_LABEL}-"),
        lambda: on_card("label", "node", nodes.CARD, f"{_LABEL}=true"),
        "No node has these labels",
    ),
    "another name": (
        lambda: offers({SLICE: "0", f"{SLICE}.shared": "4"}),
        lambda: offers({**nodes.GPU, f"{SLICE}.shared": None}),
        f"They offer {SLICE}.shared: write that",
    ),
}


def uids(stack: Stack) -> dict[str, str]:
    """What would change if anything were replaced; a node's change alone touches the status of its pods."""
    return {name: uid for name, (uid, _) in there(stack).items()}


@contextmanager
def damaged(name: str) -> Iterator[str]:
    damage, mend, said = DAMAGES[name]
    damage()
    try:
        yield said
    finally:
        mend()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_change_of_the_server_is_refused_before_the_old_pod_goes(stack: Stack, name: str) -> None:
    stack.up()
    assert stack.unchanged()
    before = uids(stack)
    stack.raw["server"]["ttl_s"] = 601  # another pod

    with damaged(name) as said:
        for command in (("preview",), ("up", "--yes", "--skip-preview")):
            refused = stack.pulumi(*command)

            assert refused.returncode != 0, f"{command} would have replaced a server by one that waits for ever"
            assert said in refused.stdout
            assert "so a new server would wait after the old one is gone. Nothing was changed" in refused.stdout
        assert uids(stack) == before

    stack.up()
    assert stack.unchanged()


def test_the_advised_toleration_leads_to_a_server_on_the_tainted_node(stack: Stack) -> None:
    stack.up()
    node = stack.raw["gpu"].setdefault("node", {})
    stack.raw["server"]["ttl_s"] = 602
    with damaged("a taint") as said:
        advised = re.search(r"`(tolerations: .*)`", said)
        assert advised
        node["tolerations"] = [*node.get("tolerations", []), *yaml.safe_load(advised[1])["tolerations"]]

        stack.up()
        assert stack.unchanged()


def test_a_runtime_class_is_missed_before_the_old_pod_goes_and_what_it_tolerates_is_known(stack: Stack) -> None:
    stack.up()
    before = uids(stack)
    stack.raw["gpu"].setdefault("node", {})["runtime_class"] = "nvidia"

    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        refused = stack.pulumi(*command)
        assert refused.returncode != 0, command
        assert "The cluster has no such RuntimeClass" in refused.stdout
    assert uids(stack) == before

    with damaged("a taint"), made_class({"tolerations": [{"key": "dedicated", "operator": "Exists"}]}):
        stack.up()
        assert stack.unchanged()
    with made_class({"nodeSelector": {"nvidia.com/toolkit": "ready"}}):
        refused = stack.pulumi("preview")
        assert refused.returncode != 0
        assert "nvidia.com/toolkit" in refused.stdout


@contextmanager
def made_class(scheduling: dict[str, Any]) -> Iterator[None]:
    manifest = {
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"},
        "handler": "nvidia", "scheduling": scheduling,
    }  # fmt: skip
    kubectl(INSTANCE, "apply", "-f", "-", stdin=json.dumps(manifest))
    try:
        yield
    finally:
        on_card("delete", "runtimeclass", "nvidia")
