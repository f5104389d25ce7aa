"""One model's download: a Job with a fixed name, awaited, that runs again only when its files change or it failed."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgs

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
        config_maps = {it.volume: it.config_map for it in args.common.config_maps}
        job = awaited_job.awaited_job(
            f"{name}-job",
            args.plan.job,
            args.common.namespace,
            labels,
            pod.of_job(_fetcher(args), labels, args.common, args.claim_name, scripts=args.scripts, **config_maps),
            args.plan.deadline_s,
            parent=self,
            again=[awaited_job.unless_final(names.FETCH, FINAL_EXIT_CODES)],
        )
        self.job_name = job.metadata.name
        self.register_outputs({"job_name": self.job_name})


def _fetcher(args: ModelFetchArgs) -> ContainerArgs:
    directories = {it.volume: it.directory for it in args.common.config_maps}
    return pod.program(
        names.FETCH,
        names.FETCH,
        args.plan.manifest,
        args.common.image,
        RESOURCES,
        env=[pod.from_secret(it.secret, it.key, it.variable) for it in args.common.secrets],
        mounts=pod.mounts(models_read_only=False, scripts=SCRIPTS_DIR, **directories),
    )
