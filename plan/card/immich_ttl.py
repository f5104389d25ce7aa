"""immich's model TTL: the one env entry of its Deployment, or StatefulSet, that this stack sets.

Pulumi compares with its state and not with the cluster, so it never sees that someone has changed the entry. What is
seen is an annotation: the TTL itself, and what a look at the cluster found to mend (plan/live/live_ttl.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from plan import config
from plan.base.names import IMMICH_TTL

MENDS = "local-llm/model-ttl-mends"  # with another value the entry is written again


@dataclass(frozen=True, slots=True)
class TtlPatch:
    """One env entry of a workload that someone else owns; `ttl_s` in seconds, as the digits that the entry holds.

    A difference in `annotations` replaces the patch, which writes the entry again; one below `ignored` is none.
    """

    namespace: str
    kind: Literal["Deployment", "StatefulSet"]
    deployment: str
    container: str
    variable: str
    ttl_s: str
    annotations: Mapping[str, str]
    ignored: tuple[str, ...]

    def mending(self, edit: str) -> "TtlPatch":
        """The patch that undoes a foreign edit, once: another edit has to have another description."""
        return replace(self, annotations={**self.annotations, MENDS: edit}, ignored=("spec",))


def plan_ttl(immich: config.Immich) -> TtlPatch:
    """The patch where nothing is known to mend: what an earlier one has mended stays in its annotation."""
    ttl_s = str(immich.model_ttl_s)
    return TtlPatch(
        namespace=immich.namespace,
        kind=immich.kind,
        deployment=immich.deployment,
        container=immich.container or immich.deployment,
        variable=IMMICH_TTL,
        ttl_s=ttl_s,
        annotations={
            # The TTL again, where a difference is seen: env is a list, compared by index, and ours comes after the
            # owner's entries, so its diff would never end (pulumi/pulumi-kubernetes#2682).
            "local-llm/model-ttl-s": ttl_s,
            "pulumi.com/patchFieldManager": "local-llm-immich-ttl",
            # Whoever edits the entry by hand takes it over; without force our next change is a conflict.
            "pulumi.com/patchForce": "true",
        },
        ignored=("spec", f'metadata.annotations["{MENDS}"]'),
    )
