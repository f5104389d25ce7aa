"""When a Job that the rollout waits for has failed, and when its program is tried again: one rule for all such Jobs.

Tried again, until the Job's deadline: a pod that a drain, a preemption or a lost node took, and every exit code that is
not final. Kubernetes pauses between the tries, 10 s at first and then twice as long each time, up to 10 minutes.
Everything else counts against a backoff limit of 0, so the Job has failed at once.

Never with a rule that fails the Job (`FailJob`): the official Kubernetes plugin takes a Job for failed only where the
backoff limit or the deadline ended it, and waits out its own timeout for any other reason. docs/adr/0011.
"""

BACKOFF_LIMIT = 0
# What the container runtime and the shell report for a program that cannot start: not executable, not found (or one of
# its libraries is not), no task made. The image, or what is mounted into it, has to change.
CANNOT_START = (126, 127, 128)
# The deadline first asks the pods to end, for 30 s at most, and only then has the Job failed.
_ENDING_S = 60


def wait_s(deadline_s: int) -> int:
    """How long `up` waits for a Job: until its deadline has ended it and the reason can be read."""
    return deadline_s + _ENDING_S
