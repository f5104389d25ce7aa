"""What no waiting mends ends `make up` at once, with the event's words; the repair is enough."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dev.cluster.kubectl import apply, kubectl
from dev.commands import watched
from dev.machine.steps import DevError
from tests.engine.played import INSTANCE, Stack, image, pods
from tests.plugin.waiting import until

MODEL = "gemma-3-270m-q4"
UP = ("up", "--yes", "--skip-preview", "--non-interactive")


def up(stack: Stack) -> None:
    stack.write()
    watched.run(stack.cli, stack.namespace, *UP)


def test_a_pod_that_may_not_be_made_ends_the_update_with_the_reason_and_what_to_do(stack: Stack) -> None:
    del stack.raw["models"]["gemma-3-270m-q3"]
    limits: dict[str, Any] = {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]}
    metadata = {"name": "small", "namespace": stack.namespace}
    apply(INSTANCE, {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": limits})

    with pytest.raises(DevError) as caught:
        up(stack)

    assert "[FailedCreate] Error creating: pods" in caught.value.what
    assert "maximum memory usage per Container is 1Mi" in caught.value.what
    assert f"kubectl describe resourcequota,limitrange -n {stack.namespace}" in caught.value.fix
    kubectl(INSTANCE, "delete", "limitrange", "small", "-n", stack.namespace)
    # With each failure the controllers wait twice as long, soon longer than this stack's rollout may take. What is
    # written to they look at at once.
    kubectl(INSTANCE, "annotate", "replicaset,job", "--all", "tests/again=1", "-n", stack.namespace)
    up(stack)
    assert stack.unchanged()


def test_a_directory_that_is_not_there_ends_the_update_with_the_kubelets_words(stack: Stack) -> None:
    """No kubelet mounts here, so its event is written by hand while the pod waits for its image."""
    del stack.raw["models"]["gemma-3-270m-q3"]
    good, stack.raw["fetch"]["image"] = stack.raw["fetch"]["image"], image("pull-error")

    def report() -> None:
        until(lambda: len(pods(stack, f"job-name=fetch-{MODEL}")) > 0)
        (pod,) = pods(stack, f"job-name=fetch-{MODEL}")
        kubectl(INSTANCE, "create", "--filename=-", stdin=json.dumps(failed_mount(stack, pod)))

    with ThreadPoolExecutor(1) as beside:
        reported = beside.submit(report)
        with pytest.raises(DevError) as caught:
            up(stack)
        reported.result()

    assert 'path "/srv/modles" does not exist' in caught.value.what
    assert "make that directory on the node" in caught.value.fix
    stack.raw["fetch"]["image"] = good
    up(stack)
    assert stack.unchanged()


def failed_mount(stack: Stack, pod: str) -> dict[str, Any]:
    said = 'MountVolume.NewMounter initialization failed for volume "m" : path "/srv/modles" does not exist'
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{pod}.1", "namespace": stack.namespace},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": pod, "namespace": stack.namespace},
        "type": "Warning",
        "reason": "FailedMount",
        "message": said,
    }
