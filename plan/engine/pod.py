"""Numbers of the server's pod and of the preflight's: resources, probes and how long a stop may take."""

from plan.base import names
from plan.base.pod_types import HttpProbe, Resources, small_program

GATE = small_program()
PREFLIGHT = Resources(requests={"cpu": "50m", "memory": "64Mi"}, limits={"memory": "1Gi", "ephemeral-storage": "64Mi"})
PREFLIGHT_GRACE_S = 5  # a shell that is a container's first process ignores SIGTERM

# The engine itself answers within seconds: it loads a model only when one is asked for.
STARTUP = HttpProbe(names.HEALTH_PATH, period_s=1, failures=120, timeout_s=5)
READINESS = HttpProbe(names.HEALTH_PATH, period_s=5, failures=3, timeout_s=5)
LIVENESS = HttpProbe(names.HEALTH_PATH, period_s=10, failures=6, timeout_s=5)

PRE_STOP_S = 5  # requests that are on their way when the pod is told to stop still arrive
GRACE_S = 45  # llama-swap drains for 30 s and forces its exit at 35
# No core dumps: a crashing server once wrote 148 GiB of them and took the node's disk.
WITHOUT_CORE_DUMPS = ("/bin/sh", "-c", 'ulimit -c 0 && exec "$0" "$@"')


def engine(memory_request: str, memory_limit: str, of_the_card: dict[str, str]) -> Resources:
    """`of_the_card` is requested and limited alike, as Kubernetes demands of extended resources."""
    return Resources(
        requests={"cpu": "200m", "memory": memory_request, **of_the_card},
        limits={"memory": memory_limit, "ephemeral-storage": "2Gi", **of_the_card},
    )
