"""llama.cpp's router holds a CUDA context of its own in some builds, which the card has to have room for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.card.fit import Fit
from plan.kubernetes.quantity import whole
from plan.models.engine_builds import router_holds_context
from tests import stacks
from tests.plan.card.test_ways_out import LOCK, counted, follow, ways
from tests.plans import made

DIGEST = f"@sha256:{'c' * 64}"
CONTEXT_MIB = 200  # the most that one was seen to be on a T4


def served(build: int | None, engine: str = "llama-server", **gpu: Any) -> dict[str, Any]:
    raw = stacks.raw("t4")
    image = f"ghcr.io/ggml-org/llama.cpp:server-cuda{'' if build is None else f'-b{build}'}{DIGEST}"
    raw["server"] |= {"engine": engine, "image": image}
    raw["gpu"] |= gpu
    return raw


def fit(build: int | None, engine: str = "llama-server", **gpu: Any) -> Fit:
    return counted(served(build, engine, **gpu), LOCK)


# b8248 and b8352 are of ggml-org/llama.cpp#20582, b8738 of #21692, b9159 of #23120; b8247, b8737 held none there.
@pytest.mark.parametrize(
    ("build", "holds"),
    [
        (8000, False), (8247, False), (8248, True), (8352, True), (8362, True), (8363, False), (8737, False),
        (8738, True), (9159, True), (9180, True), (9300, False), (10524, False), (11512, False), (None, True),
    ],
)  # fmt: skip
def test_a_build_whose_router_takes_memory_of_the_card_is_known_and_an_unknown_one_counts(
    build: int | None, holds: bool
) -> None:
    with_it, without = fit(build), fit(build, "llama-swap")

    assert router_holds_context(build) is holds
    assert with_it.router_mib == holds * CONTEXT_MIB
    assert without.router_mib == 0, "llama-swap is no llama.cpp"
    assert with_it.used_mib - without.used_mib == holds * CONTEXT_MIB
    assert with_it.room_mib == without.room_mib - holds * CONTEXT_MIB
    more = {row.who for row in with_it.rows} - {row.who for row in without.rows}
    assert more == ({"server.engine"} if holds else set())


@given(st.integers(0, 20000), st.integers(0, 9000))
def test_the_card_is_full_by_as_much_as_all_of_its_holders_are_together(build: int, peak_mib: int) -> None:
    found = fit(build, tenants={"a": {"peak_mib": peak_mib + 1}})

    assert found.used_mib == sum(row.mib for row in found.rows)
    assert found.over_mib == found.used_mib - found.capacity_mib


def test_the_servers_pod_requests_it_with_its_models() -> None:
    memory = {"resource": "example.com/gpumem", "budget_mib": 14000}
    plans = [made(served(build, memory=memory, tenants={})) for build in (9299, 9300)]

    first, second = (whole(plan.gpu_memory.request) for plan in plans if plan.gpu_memory)
    assert first - second == CONTEXT_MIB


@pytest.mark.parametrize("over_mib", [1, 150, 500])
def test_what_a_refusal_offers_is_enough_beside_the_router_too(over_mib: int) -> None:
    free_mib = -fit(9000, tenants={}).over_mib
    raw = served(9000, tenants={"a": {"peak_mib": free_mib + over_mib}})

    offered = ways(raw, LOCK)

    assert offered
    for way in offered:
        follow(way, raw, LOCK)
