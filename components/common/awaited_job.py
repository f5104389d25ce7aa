"""A Job that the rollout waits for: retried as plan/base/jobs.py says, and replaced by the next `up` if it failed."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.batch.v1 import (
    Job,
    JobSpecArgs,
    PodFailurePolicyArgs,
    PodFailurePolicyOnExitCodesRequirementArgs,
    PodFailurePolicyOnPodConditionsPatternArgs,
    PodFailurePolicyRuleArgs,
)
from pulumi_kubernetes.core.v1 import PodTemplateSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from plan.base import jobs


def awaited_job(
    name: str,
    job: str,
    namespace: str,
    labels: Mapping[str, str],
    template: PodTemplateSpecArgs,
    deadline_s: int,
    parent: pulumi.Resource,
    again: Sequence[PodFailurePolicyRuleArgs] = (),
) -> Job:
    """The Job named `job`; `again` says what is tried again besides a pod that was taken away."""
    # No ttlSecondsAfterFinished: a Job that is gone is created again by the next `up`, every day.
    return Job(
        name,
        metadata=ObjectMetaArgs(namespace=namespace, name=job, labels=labels),
        spec=JobSpecArgs(
            active_deadline_seconds=deadline_s,
            backoff_limit=jobs.BACKOFF_LIMIT,
            pod_failure_policy=PodFailurePolicyArgs(rules=[*again, _taken_away()]),
            template=template,
        ),
        opts=_opts(parent, f"{jobs.wait_s(deadline_s)}s"),
    )


def unless_final(container: str, final_exit_codes: Sequence[int]) -> PodFailurePolicyRuleArgs:
    """Every exit code of the container but the final ones is tried again."""
    codes = PodFailurePolicyOnExitCodesRequirementArgs(
        container_name=container, operator="NotIn", values=list(final_exit_codes)
    )
    return PodFailurePolicyRuleArgs(action="Ignore", on_exit_codes=codes)


def _taken_away() -> PodFailurePolicyRuleArgs:
    """A pod that a drain or a preemption took is no failure of its program."""
    disrupted = PodFailurePolicyOnPodConditionsPatternArgs(type="DisruptionTarget", status="True")
    return PodFailurePolicyRuleArgs(action="Ignore", on_pod_conditions=[disrupted])


def _opts(parent: pulumi.Resource, timeout: str) -> pulumi.ResourceOptions:
    """The fixed name forbids two of one kind, so the old Job goes first; no API server lets its policy change."""
    return pulumi.ResourceOptions(
        parent=parent,
        replace_on_changes=["#initerror", "spec.podFailurePolicy"],
        delete_before_replace=True,
        custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
    )
