"""What drafting takes of card and host, and that it is shown, counted and compared with what was measured."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.catalogue.cards import CARDS
from plan.host.process_memory import host_memory
from plan.models.gguf_facts import GgufFacts
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from tests import stacks
from tests.plan.drafts import entries as drafts
from tests.plan.drafts.test_drafting import DRAFT, ID, OWN_BLOCKS, blocks, locked_with, raw
from tests.plan.models.entries import with_facts
from tests.plans import made

MIB = 2**20
CARD = CARDS["t4"]
servings = st.builds(
    Serving,
    st.integers(1, 200_000),
    kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
    parallel=st.integers(1, 16),
    ubatch=st.sampled_from([128, 512, 2048]),
    build=st.sampled_from([9180, 11312]),
    unified=st.booleans(),
)


def with_draft() -> GgufFacts:
    return locked_with().models[ID].gguf


def told(facts: GgufFacts, serving: Serving) -> Breakdown:
    return estimate(facts, {"model": 1, **({"draft": 1} if facts.draft else {})}, serving, CARD)


@given(servings, st.integers(1, 16))
def test_a_draft_takes_what_it_would_alone_but_for_the_context_and_its_model_rows_for_what_it_drafts(
    serving: Serving, drafted: int
) -> None:
    facts = with_draft()
    without = told(facts.model_copy(update={"draft": None}), serving)
    alone = told(drafts.FACTS, serving)

    both = told(facts, replace(serving, drafted=drafted))

    assert both.draft_weights_mib == alone.weights_mib
    assert both.draft_cache_mib == alone.kv_mib
    assert both.draft_compute_mib == alone.compute_mib
    assert (both.weights_mib, both.kv_mib, both.state_mib) == (without.weights_mib, without.kv_mib, without.state_mib)
    rows = 4 * serving.parallel * drafted * 151936 / MIB
    assert without.compute_mib <= both.compute_mib <= without.compute_mib + rows
    held, of_model, of_draft = (it.total_mib - it.context_mib for it in (both, without, alone))
    assert held == pytest.approx(of_model + of_draft + both.compute_mib - without.compute_mib)
    asked = alone.context_mib - CARD.context_mib  # of its first request; 16 MiB of a pool are in the card's figure
    assert without.context_mib + asked <= both.context_mib <= without.context_mib + asked + 16
    assert both.upper_mib >= both.total_mib


@given(servings, st.integers(1, 16))
def test_blocks_that_draft_take_their_weights_one_layers_cache_and_a_state_for_each_token(
    serving: Serving, drafted: int
) -> None:
    gguf = blocks().models[ID].gguf
    facts = gguf.model_copy(update={"shape": gguf.shape.model_copy(update={"head_count_kv": 4})})
    without, cells = told(facts, serving), told(facts, serving).kv_mib / 8  # 32 layers, each fourth has a cache

    own = told(facts, replace(serving, drafted=drafted, mtp=True))

    assert own.draft_weights_mib == 200
    assert own.draft_cache_mib == pytest.approx(cells, abs=1e-3)
    assert own.state_mib == pytest.approx(without.state_mib * (1 + drafted))
    assert own.compute_mib >= without.compute_mib
    assert own.draft_compute_mib > 0
    more = replace(serving, drafted=drafted + 1, mtp=True)
    assert told(facts, more).upper_mib > own.upper_mib, "each is one more state to go back to"


def test_memory_of_an_unknown_draft_is_refused_with_what_tells_it() -> None:
    odd = drafts.FACTS.model_copy(update={"shape": drafts.FACTS.shape.model_copy(update={"architecture": "mamba2"})})

    with pytest.raises(ConfigError, match=r"of its draft, the memory of architecture mamba2 .* lock --update qwen3-8b"):
        made(raw(draft=DRAFT), locked_with(odd))
    with pytest.raises(VramError, match="nothing is known of its draft"):
        estimate(stacks.locked().models[ID].gguf, {"model": 1, "draft": 1}, Serving(4096), CARD)


def measured(**keys: Any) -> dict[str, Any]:
    return {"mib": 9700, "context": 16384, "date": "2026-10-01", **keys}


def test_what_was_measured_without_a_draft_says_nothing_of_a_model_with_one() -> None:
    def source(**keys: Any) -> str:
        fit = made(raw(context=16384, **keys)).fit
        assert fit
        return fit.models[ID].source

    assert source(measured=[measured()]) == "measured"
    assert source(draft=DRAFT, measured=[measured()]) == "derived"
    assert source(draft=DRAFT, measured=[measured(drafted=3)]) == "measured"
    assert source(draft={**DRAFT, "max": 4}, measured=[measured(drafted=3)]) == "derived"


def test_a_card_that_is_full_with_the_model_alone_is_refused_with_its_draft() -> None:
    stack = raw(context=16384)
    most = made(stack).fit
    assert most
    figures = {"context_mib": 300, "compute_capability": 9.0, "driver_mib": 0, "total_mib": most.used_mib + 1}
    stack["gpu"] |= {"card": figures}
    made(stack)

    stack["models"][ID]["draft"] = DRAFT
    with pytest.raises(ConfigError, match="more than"):
        made(stack)


def taken(lock: Any, keys: dict[str, Any], *, on_card: bool) -> Any:
    model = config.Model.model_validate({"repo": "Qwen/Qwen3-8B-GGUF", "quant": "Q4_K_M", "context": 8192, **keys})
    server = config.parse(raw()).server
    return host_memory(model, lock.models[ID], server, 0, on_card=on_card)


def test_the_host_holds_the_drafts_embedding_beside_a_card_and_all_of_it_without_one() -> None:
    table = drafts.FACTS.weights
    assert table
    for on_card, weights in ((True, table.input_bytes), (False, table.input_bytes + table.gpu_bytes)):
        alone = taken(stacks.locked(), {}, on_card=on_card)
        both = taken(locked_with(), {"draft": DRAFT}, on_card=on_card)
        assert both.model - alone.model >= weights / MIB


def test_a_hybrid_model_keeps_one_more_state_of_each_request_to_check_a_draft() -> None:
    lock = locked_with()
    hybrid = with_facts(ID, shape=OWN_BLOCKS).gguf.shape
    entry = lock.models[ID]
    gguf = entry.gguf.model_copy(update={"shape": hybrid})
    lock = lock.model_copy(update={"models": {ID: entry.model_copy(update={"gguf": gguf})}})

    four, five = (taken(lock, {"ctx_checkpoints": number}, on_card=True).checkpoints for number in (4, 5))
    drafted = taken(lock, {"ctx_checkpoints": 4, "draft": DRAFT}, on_card=True).checkpoints

    assert drafted == pytest.approx(five)
    assert five > four
