"""The CronJob that looks for weights nothing names any more; by default it only reports them."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob, CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.common import pod
from plan.base import names
from plan.weights import prune
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
    """The list of weights to keep changes only once the server that needs them is ready."""

    def __init__(self, name: str, args: WeightsPruneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm:models:WeightsPrune", name, None, opts)
        labels = names.labels(names.PRUNE, args.common.namespace)
        CronJob(
            f"{name}-cronjob",
            metadata=ObjectMetaArgs(namespace=args.common.namespace, name=args.plan.name, labels=labels),
            spec=CronJobSpecArgs(
                schedule=args.plan.schedule,
                time_zone="Etc/UTC",
                concurrency_policy="Forbid",
                successful_jobs_history_limit=prune.KEPT_JOBS,
                failed_jobs_history_limit=prune.KEPT_JOBS,
                job_template=JobTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels), spec=_job(args, labels)),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.rollout]),
        )
        self.register_outputs({})


def _job(args: WeightsPruneArgs, labels: dict[str, str]) -> JobSpecArgs:
    container = pod.program(
        names.PRUNE,
        names.PRUNE,
        args.plan.manifest,
        args.common.image,
        prune.RESOURCES,
        mounts=pod.mounts(models_read_only=False, scripts=SCRIPTS_DIR),
    )
    template = pod.of_job(container, labels, args.common, args.claim_name, scripts=args.scripts)
    return JobSpecArgs(backoff_limit=prune.TRIES_AGAIN, active_deadline_seconds=prune.DEADLINE_S, template=template)
