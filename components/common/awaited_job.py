"""What Jobs that a rollout waits for have in common: when one is run again, and when a lost pod counts for nothing."""

import pulumi
from pulumi_kubernetes.batch.v1 import PodFailurePolicyOnPodConditionsPatternArgs, PodFailurePolicyRuleArgs


def run_again_when_failed(parent: pulumi.Resource, deadline_s: int) -> pulumi.ResourceOptions:
    """The next `up` replaces a Job that failed; the fixed name forbids two of one kind, so the old one goes first."""
    timeout = f"{deadline_s}s"
    return pulumi.ResourceOptions(
        parent=parent,
        replace_on_changes=["#initerror"],
        delete_before_replace=True,
        custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
    )


def ignore_disruption() -> PodFailurePolicyRuleArgs:
    """A pod that a drain or a preemption took is no failure of its program."""
    disrupted = PodFailurePolicyOnPodConditionsPatternArgs(type="DisruptionTarget", status="True")
    return PodFailurePolicyRuleArgs(action="Ignore", on_pod_conditions=[disrupted])
