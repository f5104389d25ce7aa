"""immich's model TTL: the one env entry of its Deployment that this stack sets."""

from dataclasses import dataclass

from plan import config


@dataclass(frozen=True, slots=True)
class TtlPatch:
    """One env entry of a Deployment that someone else owns; `ttl_s` in seconds, as the digits that the entry holds."""

    namespace: str
    deployment: str
    container: str
    variable: str
    ttl_s: str
    annotation: str
    field_manager: str


def plan_ttl(immich: config.Immich) -> TtlPatch:
    return TtlPatch(
        namespace=immich.namespace,
        deployment=immich.deployment,
        container=immich.container or immich.deployment,
        variable="MACHINE_LEARNING_MODEL_TTL",
        ttl_s=str(immich.model_ttl_s),
        annotation="local-llm/model-ttl-s",
        field_manager="local-llm-immich-ttl",
    )
