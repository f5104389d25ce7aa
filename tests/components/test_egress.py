"""The ways out of a network, and the volume's group, as the pods of the Jobs have them."""

from components.weights.model_fetch import ModelFetch
from components.weights.weights_prune import WeightsPrune, WeightsPruneArgs
from ops.render.recorder import Recorder, build
from plan.plan import Plan
from tests import stacks
from tests.components.built import fetch_args, pod_of
from tests.plans import planned

VOLUME = {"name": "theirs", "existing_claim": True}


def test_d12_authorities_are_mounted_read_only_where_the_manifest_says_they_are(recorder: Recorder) -> None:
    fetch = {**stacks.raw("t4")["fetch"], "ca_configmap": {"name": "kube-root-ca.crt", "key": "ca.crt"}}

    build(lambda: ModelFetch("fetch", fetch_args(planned("t4", fetch=fetch))))

    pod = pod_of(recorder, "Job")
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["authorities"] == {"name": "authorities", "mountPath": "/etc/local-llm/authorities", "readOnly": True}
    maps = {volume["name"]: volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
    assert maps == {"scripts": "scripts-0000000", "authorities": "kube-root-ca.crt"}
    assert '"ca_file":"/etc/local-llm/authorities/ca.crt"' in container["args"][2].replace(" ", "")


def test_d12_a_proxys_password_comes_by_reference(recorder: Recorder) -> None:
    fetch = {
        **stacks.raw("t4")["fetch"],
        "proxy": "http://proxy.example:3128",
        "proxy_secret": {"name": "proxy", "key": "user"},
    }

    build(lambda: ModelFetch("fetch", fetch_args(planned("t4", fetch=fetch))))

    (container,) = pod_of(recorder, "Job")["containers"]
    reference = {"valueFrom": {"secretKeyRef": {"name": "proxy", "key": "user"}}}
    assert container["env"] == [{"name": "FETCH_PROXY_CREDENTIALS", **reference}]


def test_d14_whoever_writes_to_the_volume_has_its_group(recorder: Recorder) -> None:
    def jobs(plan: Plan) -> None:
        fetch = ModelFetch("fetch", fetch_args(plan))
        WeightsPrune("prune", WeightsPruneArgs(plan.prune, plan.fetches, "claim", "scripts-0000000", fetch))

    build(lambda: jobs(planned("t4", volume={**VOLUME, "fs_group": True})))

    prune = recorder.of("CronJob")[0].inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for pod in (pod_of(recorder, "Job"), prune):
        security = pod["securityContext"]
        assert (security["fsGroup"], security["fsGroupChangePolicy"]) == (65532, "OnRootMismatch")


def test_d14_a_stack_that_says_nothing_leaves_the_volume_as_it_is(recorder: Recorder) -> None:
    build(lambda: ModelFetch("fetch", fetch_args(planned("t4", volume=VOLUME))))

    assert "fsGroup" not in str(pod_of(recorder, "Job"))
