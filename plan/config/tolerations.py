"""Where a pod may run, as Kubernetes spells it."""

from dataclasses import dataclass

from plan import config


@dataclass(frozen=True, slots=True)
class PodToleration:
    key: str
    operator: str
    value: str | None
    effect: str


def tolerations(node: config.GpuNode) -> tuple[PodToleration, ...]:
    """Those of the node with the card; one without a value tolerates every value."""
    return tuple(
        PodToleration(t.key, "Exists" if t.value is None else "Equal", t.value, t.effect) for t in node.tolerations
    )
