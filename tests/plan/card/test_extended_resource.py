"""gpu.memory: what the server requests of the extended resource, and sums that no node could keep."""

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.card.extended_resource import MemoryPlan, plan_memory
from plan.engine.server import plan_server
from plan.host.pod_limit import plan_host_memory
from plan.kubernetes.quantity import whole
from tests import stacks

TODAY = datetime.date(2026, 11, 22)
RESOURCE = "viktorbarzin.me/gpumem"
CARD_MIB, RESERVE_MIB = 15360, 256


def stack_with(tenants: dict[str, Any] | None = None, /, **memory: Any) -> config.Stack:
    raw = stacks.raw("t4")
    raw["gpu"] |= {"memory": {"resource": RESOURCE, "budget_mib": 14000, **memory}, "reserve_mib": RESERVE_MIB}
    for name, keys in (tenants or {}).items():
        raw["gpu"]["tenants"].setdefault(name, {"peak_mib": 1}).update(keys)
    return config.parse(raw)


def planned(stack: config.Stack, needed_mib: int | None = 7100) -> MemoryPlan:
    plan = plan_memory(stack, needed_mib, CARD_MIB, TODAY)
    assert plan
    return plan


def test_without_the_key_nothing_is_requested() -> None:
    stack = config.parse(stacks.raw("t4"))

    assert plan_memory(stack, 7100, CARD_MIB, TODAY) is None, "it is off in prod until other tenants leave room"


@given(st.integers(1, 14000))
def test_what_the_models_need_is_what_is_requested_in_whole_mib(needed_mib: int) -> None:
    plan = planned(stack_with(), needed_mib)

    assert whole(plan.request) == plan.request_mib == needed_mib


def test_the_pod_requests_it_beside_its_slice() -> None:
    stack, locked = stack_with(), stacks.locked().models
    served = {model_id: locked[model_id] for model_id in stack.models}

    host = plan_host_memory(stack, served)
    resources = plan_server(stack, served, 300, None, planned(stack, 5000), host, {}).resources
    assert resources.requests[RESOURCE] == resources.limits[RESOURCE] == "5k"
    assert resources.requests[stack.gpu.slice.resource] == resources.limits[stack.gpu.slice.resource] == "1"
    assert RESOURCE not in plan_server(stack, served, 300, None, None, host, {}).resources.limits


def test_a_request_of_the_weights_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gpu.memory.request_mib: got 5000\. .* need 6996 MiB, KV cache") as caught:
        planned(stack_with(request_mib=5000), 6996)

    assert "write 6996 or more" in caught.value.fix


def test_a_request_may_be_larger_than_the_need() -> None:
    assert planned(stack_with(request_mib=8000), 6996).request == "8k"


def test_without_a_card_the_request_has_to_be_said() -> None:
    with pytest.raises(ConfigError, match=r"request_mib: got nothing\. .*write how many MiB"):
        planned(stack_with(), None)
    assert planned(stack_with(request_mib=600), None).request_mib == 600


def test_a_need_above_the_budget_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"gpu.memory.budget_mib: got 7000\. It is 100 MiB less .*: this server 7100\."
    ):
        planned(stack_with(budget_mib=7000), 7100)
    assert planned(stack_with(budget_mib=7100), 7100)


def test_a_budget_into_the_reserve_is_refused() -> None:
    most = CARD_MIB - RESERVE_MIB
    with pytest.raises(
        ConfigError, match=rf"gpu.memory.budget_mib: got {most + 1}\. .*15360 MiB.*Write {most} or less"
    ):
        planned(stack_with(budget_mib=most + 1))
    assert planned(stack_with(budget_mib=most))


def test_what_tenants_request_counts_too_and_the_sum_is_shown() -> None:
    tenants = {"immich-ml": {"request_mib": 4800}, "frigate": {"request_mib": 2300}, "stremio": {"request_mib": 1500}}
    with pytest.raises(ConfigError) as caught:
        planned(stack_with(tenants), 7100)

    listed = "It is 1700 MiB less than what pods request of viktorbarzin.me/gpumem: "
    assert listed + "this server 7100, immich-ml 4800, frigate 2300, stremio 1500." in str(caught.value)


def test_a_tenant_that_is_scaled_to_zero_requests_nothing_until_its_date() -> None:
    def tenants(until: str) -> dict[str, Any]:
        return {"immich-ml": {"request_mib": 8000, "scaled_to_zero_until": until}}

    assert planned(stack_with(tenants("2026-11-22")), 7100)
    with pytest.raises(ConfigError, match="immich-ml 8000"):
        planned(stack_with(tenants("2026-11-21")), 7100)


@pytest.mark.parametrize(
    "name",
    ["gpumem", "nvidia.com/", "/gpumem", "a.kubernetes.io/x", "requests.a.com/x", "A.com/x", "a.com/x/y", "a_/b"],
)
def test_a_name_that_kubernetes_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"gpu.memory.resource: got .*An extended resource is a domain of yours"):
        stack_with(resource=name)


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        ({"request_mib": 14001}, "request_mib 14001 is more than budget_mib 14000"),
        ({"budget_mib": 0}, "gpu.memory.budget_mib: got 0"),
        ({"budget_mib": 14000.5}, "gpu.memory.budget_mib: got 14000.5"),
        ({"advertise": "always"}, "gpu.memory.advertise: got 'always'"),
        ({"resource": "nvidia.com/gpu"}, "Slice and memory are both nvidia.com/gpu"),
    ],
)
def test_numbers_and_choices_that_make_no_sense_are_refused(memory: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        stack_with(**memory)


def test_who_advertises_is_told_which_nodes_and_how_much() -> None:
    advertiser = planned(stack_with(advertise="managed")).advertiser

    assert advertiser
    order = json.loads(advertiser.manifest)
    assert (order["resource"], order["quantity"]) == (RESOURCE, "14k")
    assert order["selector"] == {"nvidia.com/gpu.present": "true"}
    assert advertiser.cluster_name.startswith("llama-cpp-"), "a second stack in the cluster has one of its own"
    assert planned(stack_with()).advertiser is None, "someone else advertises unless it is said"


def test_advertising_on_every_node_of_a_cluster_is_refused() -> None:
    stack = stack_with(advertise="managed")
    anywhere = stack.gpu.model_copy(update={"node": config.GpuNode()})

    with pytest.raises(ConfigError, match=r"gpu.node.selector: got \{\}\. .*on every node.*only nodes with the card"):
        planned(stack.model_copy(update={"gpu": anywhere}))
