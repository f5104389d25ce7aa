"""The CronJob that looks for weights nothing names any more; by default it only reports them."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob, CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.common import pod
from plan.base import names
from plan.weights.downloads import SCRIPTS_DIR, FetchesPlan
from plan.weights.prune import PrunePlan


@dataclass(frozen=True, slots=True)
class WeightsPruneArgs:
    """`common` is what every pod of the volume shares; `rollout` must be over before the weights it left may go."""

    plan: PrunePlan
    common: FetchesPlan
    claim_name: pulumi.Input[str]
    scripts: pulumi.Input[str]
    rollout: pulumi.Resource


class WeightsPrune(pulumi.ComponentResource):
    """What is kept changes only after the server that needs it is ready."""

    def __init__(self, name: str, args: WeightsPruneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:models:WeightsPrune", name, None, opts)
        labels = names.labels("prune", args.common.namespace)
        CronJob(
            f"{name}-cronjob",
            metadata=ObjectMetaArgs(namespace=args.common.namespace, name=args.plan.name, labels=labels),
            spec=CronJobSpecArgs(
                schedule=args.plan.schedule,
                time_zone="Etc/UTC",
                concurrency_policy="Forbid",
                successful_jobs_history_limit=1,
                failed_jobs_history_limit=1,
                job_template=JobTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels), spec=_job(args, labels)),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.rollout]),
        )
        self.register_outputs({})


def _job(args: WeightsPruneArgs, labels: dict[str, str]) -> JobSpecArgs:
    container = pod.program(
        "prune",
        "prune",
        args.plan.manifest,
        args.common.image,
        requests={"cpu": "10m", "memory": "32Mi"},
        limits={"memory": "256Mi", "ephemeral-storage": "64Mi"},
        mounts=pod.mounts(models_read_only=False, scripts=SCRIPTS_DIR),
    )
    template = pod.of_job(container, labels, args.common, args.claim_name, args.scripts)
    return JobSpecArgs(backoff_limit=1, active_deadline_seconds=3600, template=template)
