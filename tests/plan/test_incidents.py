"""What went wrong in production, done again to a stack like it: the very change is refused, the way out is told."""

import re
from typing import Any

import pytest

from plan.base.errors import ConfigError
from plan.models import lock
from plan.models.gguf_facts import GgufFacts, Shape, Weights
from plan.models.lock import Lock, LockedFile, LockedModel
from tests import stacks
from tests.plans import TODAY, made

Raw = dict[str, Any]


def refusal(raw: Raw, the_lock: Lock | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        made(raw, the_lock)
    return str(caught.value)


def with_tenant(name: str, **keys: Any) -> Raw:
    raw = stacks.raw("t4")
    raw["gpu"]["tenants"][name] = {**raw["gpu"]["tenants"][name], **keys}
    return raw


def with_model(model_id: str, **keys: Any) -> Raw:
    raw = stacks.raw("t4")
    raw["models"][model_id].update(keys)
    return raw


def figure(who: str, said: str) -> int:
    return int(re.findall(rf"^ +(\d+) MiB  {who}(?: |$)", said, re.M)[0])


def test_1_a_tenant_that_never_unloads_is_refused() -> None:
    raw = stacks.raw("t4")
    raw["immich"]["model_ttl_s"] = 0
    assert "immich.model_ttl_s: got 0" in refusal(raw)
    assert "0 means never unload" in refusal(raw)


def test_1_and_so_is_what_it_grew_to_with_who_holds_what() -> None:
    said = refusal(with_tenant("immich-ml", peak_mib=10700))
    assert figure("immich-ml", said) == 10700
    assert figure("qwen3-8b", said) > 6900, "what could not be allocated any more"
    assert figure("together", said) - figure("gpu.model t4", said) == figure("too much", said)
    assert re.search(r"gpu\.tenants\.immich-ml\.peak_mib: \d+ \(it is 10700; only if it is made to hold no more", said)


@pytest.mark.parametrize("reasoning", ["on", "auto"])
def test_7_a_text_model_that_thinks_by_default_is_refused(reasoning: str) -> None:
    said = refusal(with_model("qwen3-8b", reasoning=reasoning))
    assert f"models.qwen3-8b.reasoning: got '{reasoning}'" in said
    assert "empty answers" in said
    assert "reasoning-budget: 1024" in said


def test_8_a_quantized_cache_on_a_t4_is_refused() -> None:
    said = refusal(with_model("qwen3-8b", kv_type="q8_0"))
    assert "models.qwen3-8b.kv_type: got 'q8_0'" in said
    assert "0.58 tokens/s instead of 33" in said
    assert "tokens_s" in said, "the way to prove that it is usable after all"
    assert "Use `kv_type` of the model" in refusal(with_model("qwen3-8b", args={"cache-type-k": "q8_0"}))


@pytest.mark.parametrize("key", ["server", "fetch"])
def test_10_an_image_by_a_moving_tag_is_refused(key: str) -> None:
    raw = stacks.raw("t4")
    raw[key]["image"] = "ghcr.io/mostlygeek/llama-swap:cuda"
    assert f"{key}.image: got 'ghcr.io/mostlygeek/llama-swap:cuda'. An image is pinned by digest" in refusal(raw)


def test_12_a_budget_of_the_weights_alone_is_refused_with_what_the_model_needs() -> None:
    raw = stacks.raw("t4")
    raw["gpu"]["memory"] = {"resource": "example.com/gpumem", "budget_mib": 14000, "request_mib": 5000}
    said = refusal(raw)
    assert "gpu.memory.request_mib: got 5000" in said
    assert int(re.findall(r"need (\d+) MiB", said)[0]) >= 6996, "what was measured, weeks after the budget was set"


def test_12_a_measurement_of_the_weights_alone_is_refused() -> None:
    early = {"mib": 4350, "context": 16384, "date": "2026-06-17"}
    said = refusal(with_model("qwen3-8b", measured=[early]))
    assert "models.qwen3-8b" in said
    assert "4350 MiB measured on 2026-06-17" in said
    assert "less than weights and cache" in said


def large() -> tuple[Raw, Lock]:
    """The stack with a 27B model, locked and measured, that stays loaded."""
    raw = stacks.raw("t4")
    measured = {"mib": 9670, "context": 4096, "date": "2026-08-21"}
    keys = {"repo": "local/Qwen3.8-27B-GGUF", "quant": "Q2_K", "context": 4096, "measured": [measured]}
    raw["models"] = {"qwen38-27b": {**keys, "resident": True}}
    file = LockedFile(role="model", path="Qwen3.8-27B-Q2_K.gguf", size=9_440_000_000, sha256="3" * 64)
    shape = Shape(
        architecture="qwen35",
        context_length=262144,
        block_count=64,
        embedding_length=5120,
        feed_forward_length=17408,
        head_count=24,
        head_count_kv=4,
        key_length=256,
        value_length=256,
        vocab_size=248320,
        conv_kernel=4,
        inner_size=6144,
        state_size=128,
        group_count=16,
        time_step_rank=48,
        full_attention_interval=4,
        source="header",
    )
    weights = Weights(gpu_bytes=8600 * 2**20, input_bytes=248320 * 5120 // 256 * 84, tied_bytes=0, source="header")
    model = LockedModel(
        repo=keys["repo"],
        revision="main",
        commit="0" * 40,
        quant="Q2_K",
        gen=lock.generation([file]),
        files=(file,),
        gguf=GgufFacts(shape=shape, weights=weights),
    )
    return raw, Lock(version=1, models={"qwen38-27b": model})


def test_15_a_large_resident_model_beside_a_tenant_that_is_up_is_refused() -> None:
    raw, the_lock = large()
    said = refusal(raw, the_lock)
    assert figure("qwen38-27b", said) >= 9670
    assert "model, measured" in said
    assert figure("immich-ml", said) == 3000
    assert re.search(r"gpu\.tenants\.immich-ml\.scaled_to_zero_until: the last day \(while it is at 0 replicas", said)


def test_15_and_accepted_while_that_tenant_is_declared_to_be_at_zero() -> None:
    raw, the_lock = large()
    raw["gpu"]["tenants"]["immich-ml"]["scaled_to_zero_until"] = TODAY
    plan = made(raw, the_lock)
    assert plan.fit
    assert plan.fit.over_mib <= 0
    (said,) = [note for note in plan.notes if "immich-ml" in note]
    assert "counts as 0 MiB, not 3000, until 2026-11-22" in said, "no preview hides a window"


def test_15_but_not_a_day_longer() -> None:
    raw, the_lock = large()
    raw["gpu"]["tenants"]["immich-ml"]["scaled_to_zero_until"] = "2026-11-21"
    said = refusal(raw, the_lock)
    assert "gpu.tenants.immich-ml.scaled_to_zero_until: got '2026-11-21'. The window has ended" in said
    assert "Scale immich/immich-machine-learning up again" in said, "a command needs the name that the cluster knows"


def test_16_a_spike_names_the_model_that_fits_when_the_wanted_one_does_not() -> None:
    raw = with_tenant("immich-ml", peak_mib=6750)
    assert re.search(r"without models\.qwen3-8b, .*\(qwen3vl-4b fits as configured\)", refusal(raw))

    raw["models"] = {"qwen3vl-4b": raw["models"]["qwen3vl-4b"]}
    assert made(raw).fit


def test_16_the_model_that_a_gateway_falls_back_to_is_declared_and_loads_beside_the_wanted_one() -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"]["fallback"] = "qwen3vl-4b"
    raw["models"]["qwen3vl-4b"]["resident"] = True
    assert "qwen3vl-4b" in refusal(raw), "on this card there is no room for both, and that is said before it is tried"
    raw["models"] = {
        "qwen3-8b": {**raw["models"]["qwen3-8b"], "context": 4096},
        "qwen3vl-4b": raw["models"]["qwen3vl-4b"],
    }
    raw["gpu"]["tenants"]["immich-ml"]["peak_mib"] = 1700
    del raw["gpu"]["tenants"]["immich-ml"]["idle_mib"]
    told = {model["id"]: model for model in made(raw).contract["models"]}
    assert (told["qwen3-8b"]["fallback"], told["qwen3vl-4b"]["resident"]) == ("qwen3vl-4b", True)


def test_21_a_declared_peak_below_what_was_measured_is_refused() -> None:
    burst = {"mib": 6750, "date": "2026-07-07", "source": "nvidia-smi on the node"}
    said = refusal(with_tenant("immich-ml", measured=burst))
    assert "gpu.tenants.immich-ml" in said
    assert "peak_mib 3000 is below the 6750 MiB measured on 2026-07-07" in said


def test_21_and_with_the_true_peak_the_morning_it_happened_is_refused() -> None:
    burst = {"mib": 6750, "date": "2026-07-07"}
    said = refusal(with_tenant("immich-ml", peak_mib=6750, measured=burst))
    assert figure("immich-ml", said) == 6750
    assert "tenant, measured on 2026-07-07" in said
