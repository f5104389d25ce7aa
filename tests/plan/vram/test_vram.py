"""A model's memory from its facts: published figures, llama.cpp's defaults, bounds, and what must hold for any model.

tests/oracle has the formulas against llama.cpp's own allocator.
"""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.catalogue.cards import CARDS
from plan.models.architectures import COMPUTED
from plan.models.gguf_facts import GgufFacts, Projector, Shape, Weights
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from plan.vram.largest_context import largest_context
from tests import stacks

MIB = 2**20
BUILD = 10524
LENGTHS: dict[str, Any] = {
    "context_length": 40960,
    "block_count": 36,
    "embedding_length": 4096,
    "feed_forward_length": 12288,
    "head_count": 32,
    "head_count_kv": 8,
    "key_length": 128,
    "value_length": 128,
    "vocab_size": 151936,
}
STATES = {"conv_kernel": 4, "inner_size": 4096, "state_size": 128, "group_count": 16, "time_step_rank": 32}


def facts(architecture: str = "qwen3", projector: Projector | None = None, **keys: Any) -> GgufFacts:
    known = {key: value for key, value in {"source": "header", **LENGTHS, **keys}.items() if value is not None}
    shape = Shape.model_validate({"architecture": architecture, **known})
    weights = Weights(gpu_bytes=4_671_766_528, input_bytes=350_060_544, tied_bytes=0, source="header")
    return GgufFacts(shape=shape, weights=weights, projector=projector)


def taken(found: GgufFacts, context: int = 8192, card: str = "t4", mmproj: int = 0, **how: Any) -> Breakdown:
    sizes = {"model": 5_000_000_000, **({"mmproj": mmproj} if mmproj else {})}
    return estimate(found, sizes, Serving(context, **{"build": BUILD, **how}), CARDS[card])


def of_lock(model_id: str, context: int, card: str = "t4") -> Breakdown:
    model = stacks.locked().models[model_id]
    sizes: dict[str, int] = {}
    for file in model.files:
        sizes[file.role] = sizes.get(file.role, 0) + file.size
    return estimate(model.gguf, sizes, Serving(context, build=BUILD), CARDS[card], model.quant)


def test_production_s_qwen3_8b_is_what_was_measured_on_the_t4() -> None:
    found = of_lock("qwen3-8b", 16384)
    assert (round(found.weights_mib, 2), found.kv_mib) == (4455.34, 2304)
    assert found.total_mib == pytest.approx(6996, rel=0.01), "the card's context figure was fitted on this very point"
    assert found.source == "derived"


def test_a_public_run_of_it_on_another_card_is_met_with_that_card_s_context_alone() -> None:
    found = of_lock("qwen3-8b", 8192, "rtx-3070")
    assert found.compute_mib == pytest.approx(104.01, abs=0.05), "the log of that run prints the buffer"
    assert found.total_mib == pytest.approx((5878 + 5884) / 2, rel=0.01)


@pytest.mark.parametrize(
    ("lengths", "printed"),
    [
        ({"embedding_length": 2560, "feed_forward_length": 9216, "head_count": 16, "head_count_kv": 4}, 1330),
        ({"embedding_length": 4096, "feed_forward_length": 12288, "head_count": 16, "head_count_kv": 4}, 1336),
        ({"embedding_length": 5120, "feed_forward_length": 17408, "head_count": 24, "head_count_kv": 4}, 1360),
    ],
)
def test_public_cuda_logs_of_hybrids_with_a_q8_0_cache_are_met(lengths: dict[str, int], printed: int) -> None:
    found = taken(
        facts("qwen35", **LENGTHS | STATES | lengths | {"key_length": 256, "value_length": 256}), 262144, kv_type="q8_0"
    )
    assert found.compute_mib == pytest.approx(printed, abs=1)


def test_an_old_build_reserves_logits_of_a_whole_ubatch_and_says_so() -> None:
    old = taken(facts(), build=9459)
    assert old.compute_mib == pytest.approx(304.75, abs=0.05), "what public logs of such builds print"
    assert "b9459 reserves logits of a whole ubatch" in old.notes
    assert taken(facts(), build=9460).compute_mib < 105


def test_a_build_that_nobody_looked_at_and_one_that_is_not_known_are_told() -> None:
    assert "b99999 was not compared" in taken(facts(), build=99999).notes[0]
    assert "build is not known" in taken(facts(), build=None).notes[0]
    assert taken(facts()).notes == ()


@pytest.mark.parametrize(
    ("architecture", "absent", "same_as"),
    [
        ("qwen3", ("key_length", "value_length"), {"key_length": 128, "value_length": 128}),
        ("llama", ("head_count_kv",), {"head_count_kv": 32}),
        ("gemma3", ("sliding_window_pattern",), {"sliding_window_pattern": 6}),
        ("gemma3", ("sliding_window",), {"sliding_window": 0}),
        ("qwen35", ("full_attention_interval",), {"full_attention_interval": 4}),
        ("qwen35", ("recurrent_layers",), {"recurrent_layers": tuple(n for n in range(36) if n % 4 != 3)}),
    ],
)
def test_what_a_header_lacks_is_as_llama_cpp_has_it(
    architecture: str, absent: tuple[str, ...], same_as: dict[str, Any]
) -> None:
    keys = {**STATES, "sliding_window": 1024} if architecture in ("qwen35", "gemma3") else {}
    without = taken(facts(architecture, **{**keys, **dict.fromkeys(absent)}))
    assert without == taken(facts(architecture, **{**keys, **same_as}))


def test_heads_by_layer_are_summed_by_layer() -> None:
    found = taken(facts(head_count_kv=(8,) * 18 + (4,) * 18))
    assert found.kv_mib == taken(facts()).kv_mib * 0.75


def test_windows_hold_no_more_than_themselves_and_a_ubatch() -> None:
    found = taken(facts("gemma3", sliding_window=1024), 32768)
    full, cell_mib = 6, 8 * 256 * 2 / MIB
    assert found.kv_mib == (full * 32768 + 30 * 1536) * cell_mib
    assert taken(facts("gemma3", sliding_window=1024), 512).kv_mib == 36 * 512 * cell_mib


def test_layers_for_speculation_have_no_cache() -> None:
    assert taken(facts(block_count=37, nextn_predict_layers=1)).kv_mib == taken(facts()).kv_mib


@pytest.mark.parametrize("architecture", ["gemma4", "qwen35moe", "deepseek2"])
def test_another_architecture_needs_a_measurement(architecture: str) -> None:
    with pytest.raises(VramError, match=f"{architecture}.*needs a `measured:` value"):
        taken(facts(architecture))


def test_another_projector_needs_a_measurement() -> None:
    other = Projector(projector_type="pixtral", weight_bytes=1000, source="header")
    with pytest.raises(VramError, match=r"projector pixtral.*needs a `measured:` value"):
        taken(facts(projector=other), mmproj=2000)
    with pytest.raises(VramError, match=r"vision projector.*needs a `measured:` value"):
        taken(facts(), mmproj=2000)


@pytest.mark.parametrize("key", ["embedding_length", "head_count", "feed_forward_length", "vocab_size"])
def test_a_header_without_a_length_that_has_no_default_is_refused(key: str) -> None:
    with pytest.raises(VramError, match=key):
        taken(facts(**{key: None}))


def test_a_published_shape_without_heads_length_is_no_header_without_one() -> None:
    with pytest.raises(VramError, match="key_length"):
        taken(facts(source="published", key_length=None))


def test_a_cache_of_another_type_is_refused() -> None:
    with pytest.raises(VramError, match=r"iq4_nl is none of f16, q8_0, q4_0"):
        taken(facts(), kv_type="iq4_nl")


@pytest.mark.parametrize("missing", [("feed_forward_length",), ("head_count",), ("feed_forward_length", "head_count")])
def test_lengths_that_nobody_told_are_bounded_by_the_weights(missing: tuple[str, ...]) -> None:
    known, without = facts(source="published"), facts(**dict.fromkeys(missing), source="published")
    serving, card = Serving(8192, build=BUILD), CARDS["t4"]
    truth = estimate(known, {}, serving, card)
    named, unnamed = (estimate(without, {}, serving, card, quant) for quant in ("Q4_K_M", ""))

    assert truth.source == "derived"
    assert {named.source, unnamed.source} == {"bound"}
    assert truth.compute_mib <= named.compute_mib <= unnamed.compute_mib, "a bound below the truth is none"
    assert named.compute_mib < truth.compute_mib + 40, "with the quantization's name it is not far from the truth"
    assert all(name in named.notes[0] for name in missing)
    assert "MiB, at the worst" in named.notes[0]


def test_too_few_published_lengths_are_refused_by_name() -> None:
    with pytest.raises(VramError, match=r"lack feed_forward_length and head_count, and what would bound them"):
        taken(facts(source="published", feed_forward_length=None, head_count=None, key_length=None))


def test_weights_that_nobody_told_are_at_most_their_files() -> None:
    model = facts().model_copy(update={"weights": None})
    found = taken(model)
    assert (found.source, found.weights_mib) == ("bound", 5_000_000_000 / MIB)
    assert "the whole file is counted" in found.notes[0]
    with pytest.raises(VramError, match="no file bounds them"):
        estimate(model, {}, Serving(8192), CARDS["t4"])


def test_the_vision_models_of_production_are_bounded_and_say_by_what() -> None:
    for model_id in ("qwen3vl-8b", "qwen3vl-4b", "minicpm-v-4-5"):
        found = of_lock(model_id, 8192)
        assert found.source == "bound"
        assert any("projector.weight_bytes is not known" in note for note in found.notes)


def test_an_image_s_buffer_is_there_from_the_start_and_grows_with_the_largest_image() -> None:
    tower = stacks.locked().models["qwen3vl-8b"].gguf.projector
    assert tower
    tokens = (256, 1024, 2116, 4232)
    small, usual, reserved, double = (
        taken(facts("qwen3vl", n_deepstack_layers=3, projector=tower), mmproj=10**9, image_max_tokens=n) for n in tokens
    )
    assert small.mmproj_compute_mib == usual.mmproj_compute_mib == reserved.mmproj_compute_mib > 372
    assert double.mmproj_compute_mib == pytest.approx(2 * reserved.mmproj_compute_mib)


@st.composite
def shapes(draw: st.DrawFn) -> GgufFacts:
    architecture = draw(st.sampled_from(COMPUTED))
    kv_heads = draw(st.sampled_from([1, 2, 4, 8]))
    keys: dict[str, Any] = {
        "block_count": draw(st.integers(4, 64)),
        "embedding_length": draw(st.integers(2, 32)) * 256,
        "feed_forward_length": draw(st.integers(1, 100)) * 256,
        "head_count_kv": kv_heads,
        "head_count": kv_heads * draw(st.integers(1, 8)),
        "vocab_size": draw(st.integers(1000, 260_000)),
    }
    if architecture == "qwen35":
        keys |= STATES
    if architecture == "gemma3":
        keys["sliding_window"] = draw(st.sampled_from([0, 512, 1024]))
    if architecture == "qwen3moe":
        keys |= {"expert_count": 128, "expert_used_count": 8, "expert_feed_forward_length": 768}
    return facts(architecture, **keys)


CONTEXTS = st.integers(1, 1024).map(lambda steps: steps * 256)
HOW = st.fixed_dictionaries(
    {
        "kv_type": st.sampled_from(["f16", "q8_0", "q4_0"]),
        "parallel": st.integers(1, 4),
        "ubatch": st.sampled_from([64, 512, 2048]),
        "build": st.sampled_from([None, 9000, BUILD, 99999]),
    }
)


@given(shapes(), CONTEXTS, CONTEXTS, HOW)
def test_more_context_never_takes_less_of_what_grows_with_it(
    model: GgufFacts, one: int, other: int, how: dict[str, Any]
) -> None:
    less, more = (taken(model, context, **how) for context in sorted((one, other)))
    assert less.kv_mib <= more.kv_mib
    assert (less.weights_mib, less.state_mib) == (more.weights_mib, more.state_mib)
    assert less.upper_mib <= more.upper_mib, "a search for the largest context relies on it"


@pytest.mark.parametrize("architecture", ["qwen3", "gemma3", "qwen3moe"])
def test_the_compute_buffer_of_narrow_queries_never_shrinks_with_the_context(architecture: str) -> None:
    keys = {"head_count": 16, "head_count_kv": 1, "feed_forward_length": 18432, "sliding_window": 1024}
    experts = {"expert_count": 128, "expert_used_count": 8, "expert_feed_forward_length": 768}
    model = facts(architecture, **keys, **(experts if architecture == "qwen3moe" else {}))
    taken_mib = [taken(model, context).compute_mib for context in range(256, 65537, 256)]
    assert taken_mib == sorted(taken_mib), "a search for the largest context relies on it"


@given(shapes(), CONTEXTS, HOW)
def test_no_part_is_negative_and_the_upper_bound_is_one(model: GgufFacts, context: int, how: dict[str, Any]) -> None:
    found = taken(model, context, **how)
    parts = list(dataclasses.astuple(found)[:7])
    assert min(parts) >= 0
    assert found.upper_mib >= found.total_mib == pytest.approx(sum(parts))


@given(st.integers(1, 500), st.integers(1, 4), st.sampled_from(["f16", "q8_0", "q4_0"]))
def test_a_cache_without_windows_is_linear_and_slots_divide_it(steps: int, slots: int, kv_type: str) -> None:
    context = steps * 256 * slots
    one, twice = (taken(facts(), n * context, kv_type=kv_type).kv_mib for n in (1, 2))
    assert twice == 2 * one
    assert taken(facts(), context, kv_type=kv_type, parallel=slots).kv_mib == one


@given(st.integers(1, 4))
def test_each_slot_has_a_state_of_its_own(slots: int) -> None:
    one = taken(facts("qwen35", **STATES)).state_mib
    assert taken(facts("qwen35", **STATES), parallel=slots).state_mib == slots * one > 0


@given(st.integers(0, 20_000), st.integers(256, 300_000))
def test_the_largest_context_fits_and_the_next_would_not(limit_mib: int, trained: int) -> None:
    found = largest_context(lambda context: taken(facts(), context), limit_mib, trained)
    if found is not None:
        assert (found % 256, found <= trained) == (0, True)
        assert taken(facts(), found).upper_mib <= limit_mib
    if found is None and trained >= 256:  # then not even the smallest context of use
        assert taken(facts(), min(2048, trained // 256 * 256)).upper_mib > limit_mib
        return
    after = (found or 0) + 256
    assert after > trained or taken(facts(), after).upper_mib > limit_mib


def test_no_context_fits_where_a_model_s_memory_cannot_be_told() -> None:
    assert largest_context(lambda context: taken(facts("mamba"), context), 10**6, 40960) is None
