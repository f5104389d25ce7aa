"""The Job that tries the engine's image with the new configuration; the rollout waits for it."""

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ContainerArgs, EnvVarArgs, PodSpecArgs, PodTemplateSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.common import awaited_job, pod
from plan.base import names
from plan.engine import pod as numbers
from plan.engine.flags import CONFIG_DIR
from plan.engine.server import ServerPlan


def preflight(name: str, plan: ServerPlan, config_map: pulumi.Input[str], parent: pulumi.Resource) -> Job:
    """Runs again when image, flags or configuration changed, or it failed. The rollout, a Recreate, waits for it.

    On the node with the card, where the image is needed anyway, but without a slice: the old pod may hold the last.
    With its runtime, which alone may bring the driver's libraries that a llama-server is linked to.
    """
    labels = names.labels(names.PREFLIGHT, plan.namespace)
    spec = PodSpecArgs(
        restart_policy="Never",
        automount_service_account_token=False,
        enable_service_links=False,
        node_selector=dict(plan.node_selector),
        tolerations=pod.tolerations(plan.tolerations),
        runtime_class_name=plan.runtime_class,
        security_context=pod.pod_security(plan.uid, plan.gid),
        termination_grace_period_seconds=numbers.PREFLIGHT_GRACE_S,
        containers=[_trial(plan)],
        volumes=pod.scratch_volumes(config=config_map),
    )
    return awaited_job.awaited_job(
        f"{name}-preflight",
        plan.preflight.job,
        plan.namespace,
        labels,
        PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels), spec=spec),
        plan.preflight.deadline_s,
        parent=parent,
    )


def _trial(plan: ServerPlan) -> ContainerArgs:
    return ContainerArgs(
        name=names.PREFLIGHT,
        image=plan.image,
        image_pull_policy="IfNotPresent",
        command=list(plan.preflight.command),
        env=[EnvVarArgs(name=variable, value=value) for variable, value in plan.preflight.env.items()],
        resources=pod.of_container(numbers.PREFLIGHT),
        # A loader that cannot even start the shell says why in the log.
        termination_message_policy="FallbackToLogsOnError",
        security_context=pod.container_security(),
        volume_mounts=pod.scratch_mounts(config=CONFIG_DIR),
    )
