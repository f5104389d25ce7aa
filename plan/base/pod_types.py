"""Numbers of a pod as Kubernetes takes them: decided in the room that they belong to, placed by components/."""

from collections.abc import Mapping
from dataclasses import dataclass

TMP_SIZE = "1Gi"  # /tmp is the one directory that a pod may write to beside the models


@dataclass(frozen=True, slots=True)
class Resources:
    """Requests and limits of a container, as canonical quantities by resource."""

    requests: Mapping[str, str]
    limits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """A GET of `path` every `period_s` seconds; `failures` in a row count. `timeout_s` None is Kubernetes' own, 1."""

    path: str
    period_s: int
    failures: int
    timeout_s: int | None = None


def small_program(memory_request: str = "32Mi", memory_limit: str = "128Mi") -> Resources:
    """What one of our own programs needs that waits for something or reads a directory."""
    return Resources(
        requests={"cpu": "10m", "memory": memory_request}, limits={"memory": memory_limit, "ephemeral-storage": "64Mi"}
    )
