"""An engine image that is not fit for the configuration: the rollout does not begin, and the old server stays."""

import json
import re
import subprocess
from typing import Any

from dev.cluster import nodes
from dev.cluster.kubectl import kubectl
from tests.engine.played import AGAIN, INSTANCE, Stack, image, pods, told_of, up

RESOURCE, TAINT = "llama-swap-preflight", "node.kubernetes.io/out-of-service"


def server(stack: Stack) -> tuple[Any, ...]:
    """What must not change: the Deployment as it is wished, its pod, and what that pod mounts."""
    deployment = stack.get("deployment", "llama-swap")
    label = "app.kubernetes.io/component=server"
    found = json.loads(kubectl(INSTANCE, "get", "pods", "-n", stack.namespace, "-l", label, "-o", "json"))["items"]
    (pod,) = (item["metadata"]["uid"] for item in found)
    (mounted,) = [v["configMap"]["name"] for v in found[0]["spec"]["volumes"] if v["name"] == "config"]
    assert stack.get("configmap", mounted)["immutable"], "the pod could not start again without it"
    assert deployment["status"]["availableReplicas"] == 1
    return deployment["metadata"]["uid"], deployment["spec"], pod


def failed(stack: Stack, **changes: Any) -> tuple[subprocess.CompletedProcess[str], str]:
    """The `up` with `changes` of the server, and what it says of the preflight."""
    good = dict(stack.raw["server"])
    stack.raw["server"].update(changes)
    done = up(stack)
    stack.raw["server"] = good
    return done, told_of(done, RESOURCE)


def test_an_image_that_refuses_a_flag_is_told_and_the_old_server_stays(stack: Stack) -> None:
    stack.up()
    before = server(stack)

    _, told = failed(stack, image=image("exits-78"))

    assert "[BackoffLimitExceeded]" in told
    (pod,) = pods(stack, "job-name=preflight")
    assert f"pod {pod}, container preflight: exited with code 78 (Error): model gemma-3-270m-q4: llama-server" in told
    assert (
        "error: invalid argument: --cache-ram; correct args or chat_template_file of the model, or set server.image"
        in told
    )
    assert "next:" not in told, "the script's message names the repair"
    assert AGAIN in told
    assert server(stack) == before

    _, told = failed(stack, image=image("exits-78"))
    assert "--cache-ram" in told, "a second try is one"
    assert server(stack) == before

    stack.up()
    assert stack.get("job", "preflight")["status"]["succeeded"] == 1
    assert stack.unchanged()
    assert server(stack)


def test_an_image_that_cannot_be_pulled_is_told_before_the_old_server_goes(stack: Stack) -> None:
    stack.up()
    before = server(stack)

    done, told = failed(stack, image=image("pull-error"), rollout_s=45)

    assert re.search(r"pod preflight-\w+, container preflight: ImagePullBackOff: Back-off", told)
    assert "check name and digest of server.image of the stack file" in told
    assert "container preflight: ImagePullBackOff" in done.stdout.partition("Diagnostics:")[0], "it is told meanwhile"
    assert server(stack) == before

    stack.up()
    assert stack.unchanged()


def test_a_node_that_nobody_has_is_told_with_the_key_that_asked_for_it(stack: Stack) -> None:
    """A selector or a taint that leaves no node is refused before; what Kubernetes itself sets may go any moment."""
    stack.raw["server"]["rollout_s"] = 45
    kubectl(INSTANCE, "taint", "node", nodes.CARD, f"{TAINT}=test:NoSchedule")
    try:
        told = told_of(up(stack), RESOURCE)
    finally:
        kubectl(INSTANCE, "taint", "node", nodes.CARD, f"{TAINT}-")

    assert "not scheduled (Unschedulable): 0/2 nodes" in told
    assert "compare gpu.node.selector and gpu.node.tolerations of the stack file with" in told
    stack.up()
    assert stack.unchanged()


def test_the_preflight_runs_on_the_node_with_the_card_once_for_a_configuration(stack: Stack) -> None:
    stack.up()
    job = stack.get("job", "preflight")["metadata"]["uid"]
    label = "job-name=preflight"
    (pod,) = json.loads(kubectl(INSTANCE, "get", "pods", "-n", stack.namespace, "-l", label, "-o", "json"))["items"]
    assert pod["spec"]["nodeName"] == nodes.CARD

    stack.raw["prune"] = {"grace_h": 48}
    stack.up()
    assert stack.get("job", "preflight")["metadata"]["uid"] == job, "neither image nor configuration changed"

    stack.raw["models"]["gemma-3-270m-q4"]["context"] = 2048
    stack.up()
    assert stack.get("job", "preflight")["metadata"]["uid"] != job
    assert stack.unchanged()
