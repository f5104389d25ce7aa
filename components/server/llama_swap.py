"""The server: configuration, API key, Deployment and Service of the engine that loads one model at a time."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs, DeploymentStrategyArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    PodSpecArgs,
    PodTemplateSpecArgs,
    Secret,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.common import pod
from components.server import server_containers
from components.server.preflight import preflight
from plan.base import names
from plan.engine.pod import GRACE_S
from plan.engine.server import ServerPlan


@dataclass(frozen=True, slots=True)
class LlamaSwapArgs:
    """`scripts` is the ConfigMap with the gate; `first` must be there before the old pod may go."""

    plan: ServerPlan
    claim_name: pulumi.Input[str]
    scripts: pulumi.Input[str]
    first: Sequence[pulumi.Resource]


class LlamaSwap(pulumi.ComponentResource):
    """One pod behind one Service. A change of configuration is a new ConfigMap and so a new pod."""

    service_name: pulumi.Output[str]
    rollout: Deployment

    def __init__(self, name: str, args: LlamaSwapArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:server:LlamaSwap", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        plan = args.plan
        labels = names.labels(names.SERVING, plan.namespace)
        # A new key is offered at every run and the state keeps the first, hence ignore_changes. For another one run
        # `pulumi state delete` on this resource, then `pulumi up`.
        kept = pulumi.ResourceOptions(parent=self, ignore_changes=["input"])
        api_key = pulumi.Stash(f"{name}-key", opts=kept, input=pulumi.Output.secret(secrets.token_hex(20)))
        key = Secret(
            f"{name}-api-key",
            metadata=ObjectMetaArgs(namespace=plan.namespace, name=names.API_KEY_SECRET, labels=labels),
            string_data={names.API_KEY_FIELD: api_key.output},
            opts=child,
        )
        config = ConfigMap(
            f"{name}-config",
            metadata=ObjectMetaArgs(namespace=plan.namespace, labels=labels),
            immutable=True,
            data=plan.files,
            opts=child,
        )
        tried = preflight(name, plan, config.metadata.name, self)
        deployment = self.rollout = self._deployment(name, args, config.metadata.name, key.metadata.name, tried)
        service = Service(
            f"{name}-service",
            metadata=ObjectMetaArgs(namespace=plan.namespace, name=plan.name, labels=labels),
            spec=ServiceSpecArgs(
                type="ClusterIP",
                selector=names.selector(names.SERVING),
                ports=[
                    ServicePortArgs(name=names.HTTP, port=names.SERVICE_PORT, target_port=names.HTTP, protocol="TCP")
                ],
            ),
            # Its await looks for a ready endpoint, which only the Deployment can give it.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[deployment]),
        )
        self.service_name = service.metadata.name
        self.register_outputs({"service_name": self.service_name})

    def _deployment(
        self,
        name: str,
        args: LlamaSwapArgs,
        config_map: pulumi.Input[str],
        secret: pulumi.Input[str],
        tried: pulumi.Resource,
    ) -> Deployment:
        plan, timeout = args.plan, f"{args.plan.rollout_s}s"
        labels = names.labels(names.SERVING, plan.namespace)
        return Deployment(
            f"{name}-deployment",
            metadata=ObjectMetaArgs(namespace=plan.namespace, name=plan.name, labels=labels),
            spec=DeploymentSpecArgs(
                replicas=1,
                # Two pods do not fit on one card. Hence no PodDisruptionBudget either: with one replica it would forbid
                # every drain, or none.
                strategy=DeploymentStrategyArgs(type="Recreate"),
                progress_deadline_seconds=plan.rollout_s,
                selector=LabelSelectorArgs(match_labels=names.selector(names.SERVING)),
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(
                        labels={**plan.pod_labels, **labels}, annotations=dict(plan.pod_annotations) or None
                    ),
                    spec=_pod(args, config_map, secret),
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                # With Recreate the old pod goes first; before, the new weights must be there, and the new image tried.
                depends_on=[*args.first, tried],
                custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
            ),
        )


def _pod(args: LlamaSwapArgs, config_map: pulumi.Input[str], secret: pulumi.Input[str]) -> PodSpecArgs:
    plan = args.plan
    return PodSpecArgs(
        automount_service_account_token=False,
        enable_service_links=False,
        node_selector=dict(plan.node_selector),
        tolerations=pod.tolerations(plan.tolerations),
        runtime_class_name=plan.runtime_class,
        priority_class_name=plan.priority_class,
        security_context=pod.pod_security(plan.uid, plan.gid),
        termination_grace_period_seconds=GRACE_S,
        init_containers=[server_containers.gate(plan), *server_containers.sidecars(plan)],
        containers=[server_containers.server(plan, secret)],
        volumes=pod.volumes(args.claim_name, config=config_map, scripts=args.scripts),
    )
