"""The server's pod has a memory limit, and what may be loaded at once has to fit into it."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.host.process_memory import HostMemory, host_memory
from plan.models.lock import LockedModel
from plan.plan import Plan
from tests import stacks
from tests.plan.models.entries import with_entry, with_facts
from tests.plans import made

ID = "qwen3-8b"
WINDOWS: dict[str, Any] = {
    "architecture": "gemma3", "block_count": 62, "embedding_length": 4096, "feed_forward_length": 21504,
    "head_count": 32, "head_count_kv": 16, "key_length": 128, "value_length": 128, "sliding_window": 1024,
    "context_length": 131072,
}  # fmt: skip
STATE: dict[str, Any] = {
    "architecture": "qwen35", "block_count": 32, "embedding_length": 4096, "feed_forward_length": 12288,
    "head_count": 16, "head_count_kv": 4, "key_length": 256, "value_length": 256, "full_attention_interval": 4,
    "conv_kernel": 4, "inner_size": 4096, "state_size": 128, "group_count": 16, "time_step_rank": 32,
    "context_length": 131072,
}  # fmt: skip
ROOMY = {"model": "other", "card": {"total_mib": 200000, "context_mib": 300, "compute_capability": 9.0}}


def taken(keys: dict[str, Any], shape: dict[str, Any] | None = None, build: int = 11312, **how: bool) -> HostMemory:
    model = config.Model.model_validate({"repo": "a/b", "quant": "Q4_K_M", "context": 8192, **keys})
    server = config.parse(stacks.raw("t4")).server
    server = server.model_copy(update={"image": re.sub(r"-b\d+@", f"-b{build}@", server.image)})
    lock = with_entry(ID, with_facts(shape=shape)) if shape else stacks.locked()
    kept = 512 if model.cache_ram_mib is None else model.cache_ram_mib
    return host_memory(model, lock.models[ID], server, kept, on_card=how.get("on_card", True))


def planned(limit: int, *, stack: str = "t4", lock: Any = None, **models: dict[str, Any]) -> Plan:
    raw = stacks.raw(stack)
    raw["gpu"] |= ROOMY if stack == "t4" else {}
    raw["server"] |= {"memory_limit_mib": limit, "memory_request_mib": min(limit, 512)}
    for model_id, keys in models.items():
        raw["models"][model_id.replace("_", "-")] |= keys
    return made(raw, lock)


def refusal(limit: int, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        planned(limit, **more)
    return str(caught.value)


def test_a_limit_that_is_too_small_is_refused_with_who_takes_what_and_the_one_that_is_told_is_enough() -> None:
    keeps = {"qwen3_8b": {"cache_ram_mib": 512}}
    said = refusal(1024, **keeps)

    assert "local-llm:stack.server.memory_limit_mib" in said
    assert re.search(r"MiB  qwen3-8b +\d+ of the model itself, 4608 of saved prompts, 512 of the program", said)
    assert "Or `cache_ram_mib: 0`: before b10644 the prompt that is saved last is kept" in said
    (needed,) = re.findall(r"Write `memory_limit_mib: (\d+)`", said)
    planned(int(needed), **keeps)
    assert f"memory_limit_mib: {needed}" in refusal(int(needed) - 1, **keeps)
    planned(1024, qwen3_8b={"cache_ram_mib": 0})


def cache_ram(plan: Plan) -> set[str]:
    return {*re.findall(r"--cache-ram (\d+)", plan.server.files["llama-swap.yaml"])}


def test_prompts_that_nobody_asked_to_keep_are_kept_where_there_is_room() -> None:
    roomy, tight = planned(12288), planned(1024)

    assert cache_ram(roomy) == {"512"}
    assert not [note for note in roomy.notes if "earlier requests" in note]
    assert cache_ram(tight) == {"0"}
    (note,) = [note for note in tight.notes if "earlier requests" in note]
    assert note.startswith("No prompts of earlier requests are kept (minicpm-v-4-5, qwen3-8b, ")
    assert "server.memory_limit_mib is 1024" in note
    assert cache_ram(planned(6000, qwen3_8b={"cache_ram_mib": 100})) == {"100", "512"}


def test_models_that_take_turns_count_once_and_residents_each() -> None:
    together = {f"qwen3vl_{size}b": {"resident": True} for size in (4, 8)}

    assert "qwen3vl-4b" not in refusal(512)
    assert {"qwen3vl-4b", "qwen3vl-8b"} <= {*re.findall(r"qwen3vl-\db", refusal(512, **together))}


def test_a_model_on_the_cpu_takes_its_weights_and_its_cache_as_well() -> None:
    card, cpu = taken({}), taken({}, on_card=False)

    assert cpu.model - card.model == pytest.approx(4455 + 1152, rel=0.05), "weights and cache of Qwen3-8B at 8192"


def test_a_saved_prompt_of_older_builds_is_as_long_as_it_is() -> None:
    """Before ggml-org/llama.cpp#25070 the newest stayed, and was saved before others went."""
    request = 36 * 8 * 8192 * (128 + 128) * 2 / 2**20  # layers, heads, tokens, keys and values, f16

    assert taken({}).prompts == 512
    assert taken({}, build=10524).prompts == pytest.approx(2 * request)
    assert taken({"cache_ram_mib": 9000}, build=10524).prompts == pytest.approx(9000 + request)
    assert taken({"cache_ram_mib": 0}, build=10524).prompts == 0, "none is kept"


@pytest.mark.parametrize(
    ("shape", "mib"),
    [
        (
            WINDOWS,
            52 * 16 * 1024 * 256 * 2 / 2**20,
        ),  # of 62 layers 52 with a window of 1024
        (STATE, 24 * 4 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096) / 2**20),  # of 32 layers 24, in f32
    ],
    ids=["windows", "state"],
)
def test_a_checkpoint_is_a_copy_of_windows_and_states(shape: dict[str, Any], mib: float) -> None:
    assert taken({}, shape).checkpoints == pytest.approx(8 * mib)
    assert taken({"parallel": 3, "ctx_checkpoints": 2}, shape).checkpoints == pytest.approx(6 * mib)
    assert taken({"parallel": 3, "kv_unified": True}, shape).checkpoints == pytest.approx(24 * mib)
    assert taken({"ctx_checkpoints": 0}, shape).checkpoints == 0
    assert taken({"ubatch": 2048}, shape).checkpoints == pytest.approx(8 * mib)
    assert taken({}).checkpoints == 0, "Qwen3 has neither, and goes back to wherever it likes"


def test_llama_servers_own_number_of_checkpoints_would_be_refused_for_a_wide_model() -> None:
    """32 of 624 MiB each in older builds: pods that were killed for it are public."""
    lock = with_entry(ID, with_facts(shape=WINDOWS))

    planned(12288, lock=lock)
    assert "19968 of checkpoints" in refusal(12288, lock=lock, qwen3_8b={"ctx_checkpoints": 32})


def test_a_saved_prompt_of_older_builds_takes_its_checkpoints_along() -> None:
    bare, with_them = (taken({"ctx_checkpoints": n}, WINDOWS, 10524) for n in (0, 8))

    assert with_them.prompts - bare.prompts == pytest.approx(2 * 8 * 624)
    assert taken({"ctx_checkpoints": 8}, WINDOWS).prompts == 512


@pytest.mark.parametrize("mode", [{"mode": "embedding", "pooling": "mean"}, {"mode": "rerank"}])
@pytest.mark.parametrize("on_card", [True, False])
def test_vectors_and_ranks_have_a_row_of_the_vocabulary_for_each_token_of_a_ubatch(
    mode: dict[str, Any], on_card: bool
) -> None:
    """gemma-3-270m with a ubatch of 2048 took 2152 MiB of the host for one text, on a device of the RPC backend."""
    one, four = (taken({**mode, "context": n, "ubatch": n}, on_card=on_card) for n in (2048, 8192))

    assert four.model - one.model >= 6144 * 4 * (151936 + 4096) / 2**20
    assert one.prompts == four.prompts == 0, "only chats are saved"
    assert one.checkpoints == 0


def test_an_architecture_without_lengths_is_counted_by_what_is_known_of_it() -> None:
    its = taken({}, {"architecture": "phi3"})

    assert its.prompts == 512
    assert its.checkpoints == 0
    assert its.total > 512


keys = st.fixed_dictionaries(
    {
        "context": st.sampled_from([512, 8192, 131072]), "parallel": st.integers(1, 8),
        "kv_unified": st.booleans(), "cache_ram_mib": st.integers(0, 20000), "ctx_checkpoints": st.integers(0, 64),
        "kv_type": st.sampled_from(["f16", "q8_0"]),
    }
)  # fmt: skip


@given(keys=keys, shape=st.sampled_from([None, WINDOWS, STATE]), build=st.sampled_from([10524, 11312]))
def test_more_of_anything_never_takes_less(keys: dict[str, Any], shape: dict[str, Any] | None, build: int) -> None:
    least = taken(keys, shape, build)
    assert min(least.model, least.prompts, least.checkpoints) >= 0
    for key in ("context", "parallel", "cache_ram_mib", "ctx_checkpoints"):
        assert taken({**keys, key: 2 * keys[key] + (key != "context")}, shape, build).total >= least.total - 1, key


def test_a_projector_on_the_cpu_is_counted() -> None:
    lock: LockedModel = stacks.locked().models["qwen3vl-8b"]
    server = config.parse(stacks.raw("t4")).server
    model = config.parse(stacks.raw("t4")).models["qwen3vl-8b"]
    without = lock.model_copy(update={"files": tuple(file for file in lock.files if file.role == "model")})

    with_it, bare = (host_memory(model, it, server, 512, on_card=False) for it in (lock, without))
    assert with_it.model - bare.model == pytest.approx(lock.bytes_by_role["mmproj"] / 2**20)
