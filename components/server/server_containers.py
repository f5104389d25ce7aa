"""The containers of the server's pod: the gate that waits for the weights, the sidecar that reads them, the engine."""

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgs, EnvVarArgs, LifecycleArgs, LifecycleHandlerArgs, SleepActionArgs

from components.common import pod
from plan.base import names
from plan.engine import pod as numbers
from plan.engine.flags import CONFIG_DIR
from plan.engine.server import GATE_FILE, ServerPlan
from plan.weights.downloads import SCRIPTS_DIR
from plan.weights.warm import WARM_FILE


def gate(plan: ServerPlan) -> ContainerArgs:
    """Checks the weights at every start of the pod; the order of resources covers only the `up` that made it."""
    return pod.program(
        names.GATE,
        names.GATE_PROGRAM,
        f"@{CONFIG_DIR}/{GATE_FILE}",
        plan.gate_image,
        numbers.GATE,
        mounts=pod.mounts(models_read_only=True, config=CONFIG_DIR, scripts=SCRIPTS_DIR),
    )


def sidecars(plan: ServerPlan) -> list[ContainerArgs]:
    """The container that reads weights ahead, where there is one. It writes only to set a damaged file aside."""
    return [
        pod.program(
            names.WARM,
            names.WARM,
            f"@{CONFIG_DIR}/{WARM_FILE}",
            plan.gate_image,
            warm.resources,
            restart_policy="Always",  # which makes an init container a sidecar (Kubernetes 1.29)
            ports=[pod.port(names.WARM_METRICS, names.WARM_PORT)],
            mounts=pod.mounts(models_read_only=False, config=CONFIG_DIR, scripts=SCRIPTS_DIR),
        )
        for warm in plan.warm
    ]


def server(plan: ServerPlan, secret: pulumi.Input[str]) -> ContainerArgs:
    """The engine; `secret` is the Secret with the API key."""
    stop = LifecycleHandlerArgs(sleep=SleepActionArgs(seconds=numbers.PRE_STOP_S))
    return ContainerArgs(
        name=names.ENGINE,
        image=plan.image,
        image_pull_policy="IfNotPresent",
        command=[*numbers.WITHOUT_CORE_DUMPS, plan.command],
        args=list(plan.arguments),
        env=[
            *[EnvVarArgs(name=variable, value=value) for variable, value in plan.env.items()],
            pod.from_secret(secret, names.API_KEY_FIELD, plan.api_key_env),
        ],
        ports=[pod.port(names.HTTP, names.SERVICE_PORT)],
        resources=pod.of_container(plan.resources),
        startup_probe=pod.probe(numbers.STARTUP),
        readiness_probe=pod.probe(numbers.READINESS),
        liveness_probe=pod.probe(numbers.LIVENESS),
        lifecycle=LifecycleArgs(pre_stop=stop),
        security_context=pod.container_security(),
        volume_mounts=pod.mounts(models_read_only=True, config=CONFIG_DIR),
    )
