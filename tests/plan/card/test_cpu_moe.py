"""Experts of a model's first layers stay off the card: both sides count them, and llama-server is told."""

import math
import re
import shlex
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.config.measured import Measured
from plan.host.process_memory import HostMemory, host_memory
from plan.models.lock import Lock, dump, load
from plan.plan import Plan
from plan.vram.estimate import Breakdown
from tests import stacks
from tests.plan.models.entries import found, with_entry, with_facts
from tests.plans import made

ID = "qwen3-8b"
MIB, GIB = 2**20, 2**30
# Two dense layers first, then thirty of 100 MiB, of which the last one has another quantization.
BLOCKS = (0, 0, *(100 * MIB,) * 29, 120 * MIB)
EXPERTS = {"expert_bytes": BLOCKS, "expert_matrix_bytes": 50 * MIB}
SHAPE = {"expert_count": 128, "expert_used_count": 8, "expert_feed_forward_length": 768, "source": "header"}
CARD = {"total_mib": 81920, "context_mib": 300, "compute_capability": 9.0}


def lock(**weights: Any) -> Lock:
    return with_entry(ID, with_facts(weights={**EXPERTS, **weights}, shape=SHAPE))


def planned(the_lock: Lock | None = None, image: str | None = None, gpu: Any = None, **keys: Any) -> Plan:
    raw = stacks.raw("t4")
    raw["gpu"] |= gpu or {"model": "other", "card": CARD}
    raw["server"] |= {"memory_limit_mib": 32768, "engine": "llama-swap"}
    if image:
        raw["server"]["image"] = image
    raw["models"] = {ID: {**raw["models"][ID], "fallback": None, **keys}}
    return made(raw, the_lock or lock())


def refusal(*, the_lock: Lock | None = None, **keys: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        planned(the_lock, **keys)
    return str(caught.value)


def card(**keys: Any) -> Breakdown:
    fit = planned(**keys).fit
    assert fit
    return fit.models[ID]


def host(**keys: Any) -> HostMemory:
    model = config.Model.model_validate({"repo": "a/b", "quant": "Q4_K_M", "context": 8192, **keys})
    return host_memory(model, lock().models[ID], config.parse(stacks.raw("t4")).server, 512, on_card=True)


def words(**keys: Any) -> list[str]:
    command = yaml.safe_load(planned(**keys).server.files["llama-swap.yaml"])["models"][ID]["cmd"]
    return [*re.findall(r"--(?:n-)?cpu-moe(?: \d+)?", shlex.join(shlex.split(command)))]


def test_llama_server_is_told_of_how_many_layers_or_of_all() -> None:
    assert words(cpu_moe=12) == ["--n-cpu-moe 12"]
    assert words(cpu_moe="all") == ["--cpu-moe"]
    assert words() == []


@pytest.mark.parametrize(("said", "mib"), [(1, 0), (2, 0), (3, 100), (12, 1000), (32, 3020), (99, 3020), ("all", 3020)])
def test_what_leaves_the_card_is_what_the_machine_holds(said: object, mib: int) -> None:
    whole, rest = card(), card(cpu_moe=said)

    assert whole.weights_mib - rest.weights_mib == pytest.approx(mib)
    assert rest.host_experts_mib == pytest.approx(mib)
    copy = 50 if mib else 0
    assert rest.compute_mib - whole.compute_mib == pytest.approx(copy), "a copy of one tensor, for long batches"
    assert whole.upper_mib - rest.upper_mib == pytest.approx(mib - copy)
    assert rest.kv_mib == whole.kv_mib

    here = host(cpu_moe=said)
    buffer = 512 * 4 * (8 * (3 * 768 + 4096) + 2 * 4096) / MIB
    assert here.experts == pytest.approx(mib + buffer if mib else 0)
    assert here.total - host().total == pytest.approx(here.experts)


@given(st.integers(1, 40), st.integers(1, 40))
def test_more_layers_never_take_more_of_the_card_or_less_of_the_machine(one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    stack = config.parse(stacks.raw("t4"))
    model, files = stack.models[ID], lock().models[ID]
    least, most = (
        host_memory(model.model_copy(update={"cpu_moe": n}), files, stack.server, 0, on_card=True).experts
        for n in (fewer, more)
    )
    assert least <= most


def test_a_model_that_is_too_large_for_the_card_fits_with_its_experts_elsewhere() -> None:
    needed = math.ceil(card().upper_mib)
    small = {"model": "other", "card": {**CARD, "total_mib": needed - 1500, "driver_mib": 0}, "reserve_mib": 0}
    small |= {"tenants": {}}

    assert "That may be on the card at once" in refusal(gpu=small)
    assert planned(gpu=small, cpu_moe="all").fit
    assert "qwen3-8b" in (said := refusal(gpu=small | {"reserve_mib": needed}, cpu_moe=4))
    assert "model, derived; 200 MiB of experts are not on it" in said


@pytest.mark.parametrize("over_mib", [40, 900, 2800])
def test_a_refusal_names_the_least_number_of_layers_that_is_enough(over_mib: int) -> None:
    needed = math.ceil(card().upper_mib)
    small: dict[str, Any] = {
        "model": "other",
        "card": {**CARD, "total_mib": needed - over_mib, "driver_mib": 0},
        "reserve_mib": 0,
        "tenants": {},
    }

    (least, mib) = re.findall(r"models\.qwen3-8b\.cpu_moe: (\d+) \(their (\d+) MiB", refusal(gpu=small))[0]

    assert int(mib) == sum(BLOCKS[: int(least)]) / MIB
    assert planned(gpu=small, cpu_moe=int(least))
    assert f"models.qwen3-8b.cpu_moe: {least} (" in refusal(gpu=small, cpu_moe=int(least) - 1)
    old = f"ghcr.io/a/b:v1-b8387@sha256:{'1' * 64}"
    assert "cpu_moe" not in refusal(gpu=small, image=old)
    assert "cpu_moe" not in refusal(gpu=small, the_lock=lock(expert_bytes=(), expert_matrix_bytes=0))
    small["card"] = {**CARD, "total_mib": 3000, "driver_mib": 0}
    assert "cpu_moe" not in refusal(gpu=small)


def test_the_machine_s_memory_is_refused_with_the_experts_in_the_table() -> None:
    raw = stacks.raw("t4")
    raw["gpu"] |= {"model": "other", "card": CARD}
    raw["server"] |= {"memory_limit_mib": 3000, "memory_request_mib": 512}
    raw["models"] = {ID: {**raw["models"][ID], "fallback": None, "cpu_moe": "all"}}

    with pytest.raises(ConfigError) as caught:
        made(raw, lock())

    said = str(caught.value)
    assert re.search(r"MiB  qwen3-8b +\d+ of the model itself, 31\d\d of its experts, ", said)
    assert "Or a smaller `cpu_moe`." in said
    (enough,) = re.findall(r"Write `memory_limit_mib: (\d+)`", said)
    raw["server"]["memory_limit_mib"] = int(enough)
    made(raw, lock())


def test_a_preview_says_what_is_elsewhere_and_that_it_is_slower() -> None:
    notes = "\n".join(planned(cpu_moe=12).notes)
    assert "qwen3-8b: the experts of 10 of its layers, 1000 MiB, stay in the machine's memory" in notes
    assert "the experts of all its layers, 3020 MiB" in "\n".join(planned(cpu_moe=99).notes)
    assert "none of its first 2 layers has experts" in "\n".join(planned(cpu_moe=2).notes)
    assert "experts" not in "\n".join(planned().notes)


@pytest.mark.parametrize("said", [0, -1, 513, 10**320, True, False, 1.5, "1", "ALL", "none", "", [1], {}, None])
def test_other_values_are_refused(said: object) -> None:
    if said is None:
        assert words(cpu_moe=None) == []
        return
    assert re.search(r"qwen3-8b\.cpu_moe: got .* Write a number of its first layers", refusal(cpu_moe=said))


def test_where_it_can_do_nothing_it_is_refused() -> None:
    dense = with_entry(ID, with_facts(shape={"source": "header"}))
    published = with_entry(ID, with_facts(shape={"source": "published"}))
    before = with_entry(ID, with_facts(shape=SHAPE))

    assert "Its file has no experts" in refusal(the_lock=dense, cpu_moe=4)
    for old in (published, before):
        assert "Run `bin/local-llm lock --update qwen3-8b`" in refusal(the_lock=old, cpu_moe="all")
    assert "every layer is in the machine's memory already" in refusal(gpu={"model": "none"}, cpu_moe=4)
    for flag, value in (("n-cpu-moe", 4), ("cpu-moe", True)):
        assert "Use `cpu_moe` of the model" in refusal(args={flag: value})


def test_a_build_that_leaves_some_kinds_of_experts_on_the_card_is_refused() -> None:
    old, new = (f"ghcr.io/a/b:v1-b{build}@sha256:{'1' * 64}" for build in (8387, 8388))

    assert "llama.cpp has --n-cpu-moe (`cpu_moe`) for all kinds of experts since b8388" in refusal(image=old, cpu_moe=4)
    assert planned(image=new, cpu_moe=4)
    assert planned(image=old)
    assert "8388" in planned(cpu_moe=4).server.preflight.command, (
        "the preflight asks an image without a build in its tag"
    )


def test_a_measurement_counts_for_the_same_layers_alone() -> None:
    measured = {"mib": 6500, "context": 16384, "date": "2026-11-01", "cpu_moe": 12}

    assert Measured.model_validate(measured).cpu_moe == 12
    assert card(cpu_moe=12, measured=[measured], context=16384).source == "measured"
    for other in (11, "all", None):
        assert card(cpu_moe=other, measured=[measured], context=16384).source != "measured"


def test_the_lock_keeps_the_bytes_and_one_without_them_is_read_as_before() -> None:
    whole = lock()
    assert load(dump(whole)) == whole
    assert "expert" not in dump(with_entry(ID, with_facts()))


@pytest.mark.parametrize(
    ("weights", "key"),
    [
        ({"expert_bytes": (MIB,) * 37}, "gguf.weights.expert_bytes"),
        ({"expert_bytes": (1 << 40,)}, "gguf.weights.expert_bytes"),
        ({"expert_matrix_bytes": 121 * MIB}, "gguf.weights.expert_matrix_bytes"),
        ({"expert_matrix_bytes": 0}, "gguf.weights.expert_matrix_bytes"),
        ({"expert_bytes": ()}, "gguf.weights.expert_matrix_bytes"),
    ],
)
def test_bytes_of_experts_that_the_file_cannot_have_are_refused(weights: dict[str, Any], key: str) -> None:
    assert found(lock().models[ID]) == {}
    assert key in found(lock(**weights).models[ID])
