"""The resource by which pods declare GPU memory, kept on the nodes with the card by a small pod of ours."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs, DeploymentStrategyArgs
from pulumi_kubernetes.core.v1 import (
    ContainerPortArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ServiceAccount,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, PolicyRuleArgs, RoleRefArgs, SubjectArgs

from components.common import pod
from plan.base import names
from plan.card.extended_resource import PORT, AdvertiserPlan
from plan.weights.downloads import SCRIPTS_DIR

_READY_S = 300


@dataclass(frozen=True, slots=True)
class GpuMemoryArgs:
    """`scripts` is the ConfigMap with the program."""

    plan: AdvertiserPlan
    scripts: pulumi.Input[str]


class GpuMemory(pulumi.ComponentResource):
    """Ready once every node with the card offers it. What a node offers stays there when the stack goes."""

    def __init__(self, name: str, args: GpuMemoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:gpu:GpuMemory", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        plan = args.plan
        labels = names.labels(plan.name, plan.namespace)
        account = ServiceAccount(
            f"{name}-account",
            metadata=ObjectMetaArgs(namespace=plan.namespace, name=plan.name, labels=labels),
            automount_service_account_token=False,  # only its own pod says yes
            opts=child,
        )
        role = ClusterRole(
            f"{name}-role",
            metadata=ObjectMetaArgs(name=plan.cluster_name, labels=labels),
            rules=[
                PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=["get", "list", "watch"]),
                PolicyRuleArgs(api_groups=[""], resources=["nodes/status"], verbs=["patch"]),
            ],
            opts=child,
        )
        binding = ClusterRoleBinding(
            f"{name}-binding",
            metadata=ObjectMetaArgs(name=plan.cluster_name, labels=labels),
            role_ref=RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=role.metadata.name),
            subjects=[SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=plan.namespace)],
            opts=child,
        )
        Deployment(
            f"{name}-deployment",
            metadata=ObjectMetaArgs(namespace=plan.namespace, name=plan.name, labels=labels),
            spec=DeploymentSpecArgs(
                replicas=1,
                strategy=DeploymentStrategyArgs(type="Recreate"),  # two with different budgets would take turns
                progress_deadline_seconds=_READY_S,
                selector=LabelSelectorArgs(match_labels=names.selector(plan.name)),
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=labels), spec=_pod(args, account.metadata.name)
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[binding],  # it is not ready without
                custom_timeouts=pulumi.CustomTimeouts(create=f"{_READY_S}s", update=f"{_READY_S}s"),
            ),
        )
        self.register_outputs({})


def _pod(args: GpuMemoryArgs, account: pulumi.Input[str]) -> PodSpecArgs:
    plan = args.plan
    container = pod.program(
        "advertise",
        "advertise",
        plan.manifest,
        plan.image,
        requests={"cpu": "10m", "memory": "32Mi"},
        limits={"memory": "128Mi", "ephemeral-storage": "64Mi"},
        mounts=pod.config_mounts(scripts=SCRIPTS_DIR),
        ports=[ContainerPortArgs(name="http", container_port=PORT, protocol="TCP")],
        # Half a minute of an API server that does not answer says nothing about the nodes.
        readiness=ProbeArgs(
            http_get=HTTPGetActionArgs(path="/readyz", port="http"), period_seconds=5, failure_threshold=6
        ),
    )
    return PodSpecArgs(
        service_account_name=account,
        # The one pod of the stack with a token: it writes to nodes, which no ConfigMap or mount could let it do.
        automount_service_account_token=True,
        enable_service_links=False,
        tolerations=pod.tolerations(plan.tolerations),
        security_context=pod.pod_security(plan.uid, plan.gid),
        containers=[container],
        volumes=pod.config_volumes(scripts=args.scripts),
    )
