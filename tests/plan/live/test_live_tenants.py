"""Who is on the card: undeclared tenants are named, and a server that would not fit is refused with the table."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base import names
from plan.base.errors import ConfigError
from plan.card.extended_resource import plan_memory
from plan.live.kubectl_answer import Answer, parse
from plan.live.live_tenants import judge_tenants, undeclared
from plan.live.tenancy import Tenancy, plan_tenancy
from tests import stacks
from tests.plan.cluster import CARD, GPUMEM, SLICE, answer, node, pod

TODAY = datetime.date(2026, 11, 22)
OURS = {**names.selector("server"), "app.kubernetes.io/instance": "llama-cpp"}


def tenancy(memory: dict[str, Any] | None = None, model: str = "t4", **tenants: dict[str, Any]) -> Tenancy:
    raw = stacks.raw("t4")
    raw["gpu"] |= {"tenants": tenants, "model": model}
    if memory is not None:
        raw["gpu"]["memory"] = {"resource": GPUMEM, "budget_mib": 14000, **memory}
    stack = config.parse(raw)
    return plan_tenancy(stack, plan_memory(stack, 7100, 15360, TODAY), TODAY)


def judge(wanted: Tenancy, text: str) -> tuple[str, ...]:
    return judge_tenants(wanted, parse(Answer(text)))


def holding(workload: str, mib: int, **more: Any) -> str:
    return pod(workload, [("main", {GPUMEM: str(mib), SLICE: "1"})], **more)


def names_of(wanted: Tenancy, *lines: str) -> list[str]:
    return [f"{it.namespace}/{it.workload}" for it in undeclared(wanted, parse(Answer(answer(*lines))))]


def test_undeclared_tenants_are_named_with_their_pods_and_what_they_request() -> None:
    (note,) = judge(tenancy(), answer(node(), pod("media/stremio"), pod("immich/ml", [("main", {SLICE: "2"})])))

    assert "not in local-llm:stack.gpu.tenants" in note
    assert "  immich/ml: 1 pod, ml-7d4c9-x2x4z; requested: 2 of the slice\n" in note
    assert "  media/stremio: 1 pod, stremio-7d4c9-x2x4z; requested: 1 of the slice\n" in note


def test_many_pods_of_one_workload_are_one_line() -> None:
    pods = [pod("media/encoder").replace("x2x4z", f"x2x4{n}") for n in range(4)]

    (found,) = undeclared(tenancy(), parse(Answer(answer(node(), *pods))))
    (note,) = judge(tenancy(), answer(node(), *pods))

    assert (len(found.pods), found.slices) == (4, 4)
    assert "4 pods, encoder-7d4c9-x2x40, encoder-7d4c9-x2x41 and 2 more; requested: 4 of the slice" in note


def test_a_tenant_is_declared_by_its_name_or_by_its_workload_and_no_other() -> None:
    frigate, immich = {"frigate": {"peak_mib": 9}}, {"ml": {"peak_mib": 9, "workload": "immich/machine-learning"}}
    pods = [pod("cams/frigate"), pod("immich/machine-learning"), pod("other/machine-learning"), pod("immich/ml")]

    assert names_of(tenancy(**frigate, **immich), node(), *pods) == ["immich/ml", "other/machine-learning"]


def test_a_tenant_that_is_declared_scaled_to_zero_and_is_not_is_noted_until_its_date() -> None:
    def away(until: str) -> Tenancy:
        return tenancy(frigate={"peak_mib": 9, "scaled_to_zero_until": until})

    (note,) = judge(away("2026-11-22"), answer(node(), pod("cams/frigate")))

    assert "gpu.tenants.frigate is declared scaled to zero, but cams/frigate has the pod frigate-7d4c9-x2x4z" in note
    assert judge(away("2026-11-22"), answer(node())) == ()
    assert judge(away("2026-11-21"), answer(node(), pod("cams/frigate"))) == ()


def test_who_waits_for_the_card_counts_and_who_is_elsewhere_does_not() -> None:
    lines = [
        node(),
        node("k8s-node2", None, {}),
        pod("a/waits", on="", phase="Pending"),
        pod("b/waits-elsewhere", on="", node_selector={"gpu": "other"}),
        pod("c/elsewhere", on="k8s-node2"),
        pod("d/no-slice", [("main", {"cpu": "1"})]),
        pod("e/ended", phase="Succeeded"),
        pod("f/waits-here", on="", node_selector=CARD),
    ]

    assert names_of(tenancy(), *lines) == ["a/waits", "f/waits-here"]


def test_our_own_pods_are_no_tenants_but_those_of_another_stack_are() -> None:
    ours, theirs = pod("llama-cpp/llama-swap", labels=OURS), pod("llama-two/llama-swap", labels=OURS)

    assert names_of(tenancy(), node(), ours, theirs) == ["llama-two/llama-swap"]


def test_where_no_card_is_shared_nobody_is_a_tenant() -> None:
    wanted = tenancy({"request_mib": 7100}, model="none")

    assert judge(wanted, answer(node(), pod("media/stremio"))) == ()


def test_a_server_that_would_not_fit_is_refused_with_the_table_and_the_overshoot() -> None:
    """The day this was tried for the first time: 8600 of 14000 were promised to others, and 7100 are needed."""
    others = {"immich/immich-worker": 3000, "cams/frigate": 2300, "immich/immich-ml": 1800, "media/stremio": 1500}
    lines = [node(), *(holding(workload, mib) for workload, mib in others.items())]

    with pytest.raises(ConfigError) as caught:
        judge(tenancy({}), answer(*lines, holding("llama-cpp/llama-swap", 5000, labels=OURS)))

    text = str(caught.value)
    assert "gpu.memory: got '7100 MiB of viktorbarzin.me/gpumem'. No node with the card has that much left" in text
    assert "Nothing was changed." in text
    rows = [line.rsplit(maxsplit=1) for line in text.splitlines() if line.startswith("    ")]
    assert [(who.split(" (")[0].strip(), int(mib)) for who, mib in rows] == [
        *sorted(others.items(), key=lambda row: -row[1]),
        ("left for this server", 5400),
        ("it requests", 7100),
        ("too much by", 1700),
    ]
    assert len({len(line) for line in text.splitlines() if line.startswith("    ")}) == 1, "a table is aligned"


@given(st.lists(st.integers(1, 4000), max_size=6), st.integers(0, 20000))
def test_it_is_refused_exactly_when_the_others_leave_too_little(others: list[int], own: int) -> None:
    lines = [holding(f"other/pod-{n}", mib) for n, mib in enumerate(others)]
    text = answer(node(), *lines, holding("llama-cpp/llama-swap", own, labels=OURS))
    tenants = {f"pod-{n}": {"peak_mib": 1} for n in range(len(others))}

    if sum(others) + 7100 <= 14000:
        assert judge(tenancy({}, **tenants), text) == ()
    else:
        with pytest.raises(ConfigError, match=f"left for this server +{14000 - sum(others)}\n"):
            judge(tenancy({}, **tenants), text)


def test_one_node_with_enough_will_do() -> None:
    full = holding("a/b", 14000)
    wanted = tenancy({}, b={"peak_mib": 1})

    assert judge(wanted, answer(node(), node("k8s-node3"), full)) == ()
    with pytest.raises(ConfigError):
        judge(wanted, answer(node(), node("k8s-node3", labels={}), full))


def test_whoever_waits_and_would_take_the_place_of_the_old_server_counts() -> None:
    ours = holding("llama-cpp/llama-swap", 7100, labels=OURS)
    wanted = tenancy({}, b={"peak_mib": 1})

    with pytest.raises(ConfigError, match=r"a/b \(b-7d4c9-x2x4z, waiting\) +7000"):
        judge(wanted, answer(node(), ours, holding("a/b", 7000, on="")))
    assert judge(wanted, answer(node(), ours, holding("a/b", 14001, on=""))) == (), "it never comes"
    assert judge(wanted, answer(node(), ours, holding("a/b", 7000, on="", node_selector={"gpu": "b"}))) == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([node(offered=None)], "k8s-node1 offers none, .*Write advertise: managed"),
        ([node(offered="0")], "k8s-node1 offers none"),
        ([node(labels={})], "No node has the labels of gpu.node.selector"),
    ],
)
def test_a_node_that_offers_none_is_refused_where_someone_else_should_advertise(lines: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        judge(tenancy({}), answer(*lines))


def test_where_we_advertise_the_budget_counts_whatever_the_node_offers_now() -> None:
    managed = {"advertise": "managed", "budget_mib": 8000}

    assert judge(tenancy(managed), answer(node(offered=None))) == ()
    assert judge(tenancy(managed), answer(node(offered="0"))) == ()
    with pytest.raises(ConfigError, match="k8s-node1 offers 8000 MiB"):
        judge(tenancy(managed, b={"peak_mib": 1}), answer(node(), holding("a/b", 1000)))


def test_an_offer_that_is_not_the_budget_is_noted() -> None:
    assert judge(tenancy({}), answer(node(offered="12k"))) == (
        f"k8s-node1 offers 12000 MiB of {GPUMEM}, local-llm:stack.gpu.memory.budget_mib says 14000.",
    )
