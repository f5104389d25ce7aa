"""The pod that keeps the extended resource for GPU memory on the nodes with the card."""

from dataclasses import dataclass

from plan import config
from plan.base import names
from plan.base.errors import ConfigError
from plan.base.pod_manifests import AdvertiseManifest
from plan.base.pod_types import HttpProbe, small_program
from plan.config.tolerations import PodToleration, tolerations
from plan.kubernetes.arguments import literal
from plan.kubernetes.quantity import count_quantity
from plan.text.writer import json_text

RESOURCES = small_program()
READY_S = 300  # not ready by then, the rollout has failed
# An API server that does not answer for half a minute says nothing about the nodes.
READINESS = HttpProbe(names.READY_PATH, period_s=5, failures=6)
# A node that registers again loses the resource; pods of other tenants wait at most this long for its return.
_POLL_S = 5


@dataclass(frozen=True, slots=True)
class AdvertiserPlan:
    """The pod that keeps the resource on the nodes with the card. `cluster_name` names its cluster-scoped objects."""

    name: str
    namespace: str
    cluster_name: str
    image: str
    uid: int
    gid: int
    tolerations: tuple[PodToleration, ...]
    manifest: str


def plan_advertiser(stack: config.Stack, memory: config.Memory) -> AdvertiserPlan:
    """The pod; raises ConfigError where no label selects the nodes with the card."""
    node = stack.gpu.node
    if not node.selector:
        rule = f"gpu.memory.advertise: managed puts {memory.resource} on every node that this selects"
        raise ConfigError(
            f"{config.KEY}.gpu.node.selector", {}, f"{rule}. Write a label that only nodes with the card have."
        )
    manifest = AdvertiseManifest(
        resource=memory.resource,
        quantity=count_quantity(memory.budget_mib),
        selector=dict(sorted(node.selector.items())),
        listen=names.ADVERTISER_PORT,
        poll_s=_POLL_S,
        role=names.cluster_wide(names.ADVERTISER, stack.namespace),
    )
    return AdvertiserPlan(
        name=names.ADVERTISER,
        namespace=stack.namespace,
        cluster_name=names.cluster_wide(names.ADVERTISER, stack.namespace),
        image=stack.fetch.image,
        uid=stack.server.uid,
        gid=stack.server.gid,
        # It may run anywhere, also where the card's node is the only one.
        tolerations=tolerations(node),
        manifest=literal(json_text(manifest)),
    )
