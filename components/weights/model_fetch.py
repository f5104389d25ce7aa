"""One model's download: a Job with a fixed name, awaited, that runs again only when its files change or it failed."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    SecretKeySelectorArgs,
)

from components.common import awaited_job, pod
from plan.base import names
from plan.weights.downloads import FINAL_EXIT_CODES, SCRIPTS_DIR, FetchesPlan, FetchPlan, TokenSecret


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
        labels = names.labels("fetch", args.common.namespace, args.plan.model_id)
        job = awaited_job.awaited_job(
            f"{name}-job",
            args.plan.job,
            args.common.namespace,
            labels,
            pod.of_job(_fetcher(args), labels, args.common, args.claim_name, args.scripts),
            args.plan.deadline_s,
            parent=self,
            again=[awaited_job.unless_final("fetch", FINAL_EXIT_CODES)],
        )
        self.job_name = job.metadata.name
        self.register_outputs({"job_name": self.job_name})


def _token(token: TokenSecret | None) -> list[EnvVarArgs] | None:
    if token is None:
        return None
    key = SecretKeySelectorArgs(name=token.secret, key=token.key)
    return [EnvVarArgs(name="HF_TOKEN", value_from=EnvVarSourceArgs(secret_key_ref=key))]


def _fetcher(args: ModelFetchArgs) -> ContainerArgs:
    return pod.program(
        "fetch",
        "fetch",
        args.plan.manifest,
        args.common.image,
        requests={"cpu": "100m", "memory": "128Mi"},
        # Dirty pages on NFS are charged to the pod, hence eight times what the process needs.
        limits={"memory": "1Gi", "ephemeral-storage": "1Gi"},
        env=_token(args.common.token),
        mounts=pod.mounts(models_read_only=False, scripts=SCRIPTS_DIR),
    )
