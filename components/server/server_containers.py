"""The containers of the server's pod: the gate that waits for the weights, and the engine."""

import pulumi
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    HTTPGetActionArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SecretKeySelectorArgs,
    SleepActionArgs,
)

from components.common import pod
from plan.base import names
from plan.engine.server import CONFIG_DIR, GATE_FILE, ServerPlan
from plan.weights.downloads import SCRIPTS_DIR
from plan.weights.warm import PORT as WARM_PORT
from plan.weights.warm import WARM_FILE


def gate(plan: ServerPlan) -> ContainerArgs:
    """Protects every restart, where the order of one `up` protects only that."""
    return pod.program(
        "models-ready",
        "gate",
        f"@{CONFIG_DIR}/{GATE_FILE}",
        plan.gate_image,
        requests={"cpu": "10m", "memory": "32Mi"},
        limits={"memory": "128Mi", "ephemeral-storage": "64Mi"},
        mounts=pod.mounts(models_read_only=True, config=CONFIG_DIR, scripts=SCRIPTS_DIR),
    )


def warm(plan: ServerPlan) -> list[ContainerArgs]:
    """The sidecar that reads weights ahead, where there is one. It writes only to set a damaged file aside."""
    if plan.warm is None:
        return []
    sidecar = pod.program(
        "warm",
        "warm",
        f"@{CONFIG_DIR}/{WARM_FILE}",
        plan.gate_image,
        requests={"cpu": "10m", "memory": "64Mi"},
        limits={"memory": plan.warm.memory_limit, "ephemeral-storage": "64Mi"},
        restart_policy="Always",  # which makes an init container a sidecar (Kubernetes 1.29)
        ports=[ContainerPortArgs(name="warm-metrics", container_port=WARM_PORT, protocol="TCP")],
        mounts=pod.mounts(models_read_only=False, config=CONFIG_DIR, scripts=SCRIPTS_DIR),
    )
    return [sidecar]


def server(plan: ServerPlan, secret: pulumi.Input[str]) -> ContainerArgs:
    """The engine, with core dumps off: a crashing server once wrote 148 GiB of them and took the node's disk."""
    key = SecretKeySelectorArgs(name=secret, key=names.API_KEY_FIELD)
    return ContainerArgs(
        name="server",
        image=plan.image,
        image_pull_policy="IfNotPresent",
        command=["/bin/sh", "-c", 'ulimit -c 0 && exec "$0" "$@"', plan.command],
        args=list(plan.arguments),
        env=[
            *[EnvVarArgs(name=variable, value=value) for variable, value in plan.env.items()],
            EnvVarArgs(name=plan.api_key_env, value_from=EnvVarSourceArgs(secret_key_ref=key)),
        ],
        ports=[ContainerPortArgs(name="http", container_port=names.SERVICE_PORT, protocol="TCP")],
        resources=ResourceRequirementsArgs(
            requests={"cpu": "200m", "memory": plan.memory_request, **_of_the_card(plan)},
            limits={"memory": plan.memory_limit, "ephemeral-storage": "2Gi", **_of_the_card(plan)},
        ),
        startup_probe=_health(period_s=1, failures=120),
        readiness_probe=_health(period_s=5, failures=3),
        liveness_probe=_health(period_s=10, failures=6),
        # Requests that are on their way when the pod is told to go still arrive.
        lifecycle=LifecycleArgs(pre_stop=LifecycleHandlerArgs(sleep=SleepActionArgs(seconds=5))),
        security_context=pod.container_security(),
        volume_mounts=pod.mounts(models_read_only=True, config=CONFIG_DIR),
    )


def _of_the_card(plan: ServerPlan) -> dict[str, str]:
    """Requested and limited alike, as Kubernetes demands of an extended resource."""
    return {plan.gpu_resource: plan.gpu_count, **plan.gpu_memory}


def _health(period_s: int, failures: int) -> ProbeArgs:
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path="/health", port="http"),
        period_seconds=period_s,
        timeout_seconds=5,
        failure_threshold=failures,
    )
