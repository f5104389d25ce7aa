"""One model's download: a Job with a fixed name, awaited, that runs again only when its files change or it failed."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.batch.v1 import (
    Job,
    JobSpecArgs,
    PodFailurePolicyArgs,
    PodFailurePolicyOnExitCodesRequirementArgs,
    PodFailurePolicyRuleArgs,
)
from pulumi_kubernetes.core.v1 import ContainerArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.common import awaited_job, pod
from plan.base import names
from plan.weights.downloads import FINAL_EXIT_CODES, RESOURCES, SCRIPTS_DIR, FetchesPlan, FetchPlan


@dataclass(frozen=True, slots=True)
class ModelFetchArgs:
    """`common` is what all Jobs share, `claim_name` the claim they fill, `scripts` the ConfigMap with the programs."""

    plan: FetchPlan
    common: FetchesPlan
    claim_name: pulumi.Input[str]
    scripts: pulumi.Input[str]


class ModelFetch(pulumi.ComponentResource):
    """Completed when every locked file of the model lies on the volume and its READY.json is written."""

    job_name: pulumi.Output[str]

    def __init__(self, name: str, args: ModelFetchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:models:ModelFetch", name, None, opts)
        labels = names.labels(names.FETCH, args.common.namespace, args.plan.model_id)
        job = Job(
            f"{name}-job",
            metadata=ObjectMetaArgs(namespace=args.common.namespace, name=args.plan.job, labels=labels),
            spec=_job(args, labels),
            opts=awaited_job.run_again_when_failed(self, args.plan.deadline_s),
        )
        self.job_name = job.metadata.name
        self.register_outputs({"job_name": self.job_name})


def _job(args: ModelFetchArgs, labels: Mapping[str, str]) -> JobSpecArgs:
    # No ttlSecondsAfterFinished: a Job that is gone is created again by the next `up`, every day.
    return JobSpecArgs(
        active_deadline_seconds=args.plan.deadline_s,
        backoff_limit=6,
        pod_failure_policy=PodFailurePolicyArgs(
            rules=[
                PodFailurePolicyRuleArgs(
                    action="FailJob",
                    on_exit_codes=PodFailurePolicyOnExitCodesRequirementArgs(
                        container_name="fetch", operator="In", values=list(FINAL_EXIT_CODES)
                    ),
                ),
                awaited_job.ignore_disruption(),
            ]
        ),
        template=pod.of_job(_fetcher(args), labels, args.common, args.claim_name, args.scripts),
    )


def _fetcher(args: ModelFetchArgs) -> ContainerArgs:
    return pod.program(
        names.FETCH,
        names.FETCH,
        args.plan.manifest,
        args.common.image,
        RESOURCES,
        env=[pod.from_secret(it.secret, it.key, it.variable) for it in args.common.secrets],
        mounts=pod.mounts(models_read_only=False, scripts=SCRIPTS_DIR),
    )
