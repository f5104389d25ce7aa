"""A9: a number that is larger or smaller than anything can be is refused, before anything is computed with it."""

from typing import Any

import pytest

from ops.base.errors import OpsError
from ops.gguf import file_names
from plan import config
from plan.base.errors import ConfigError
from plan.models import lock
from plan.vram.estimate import VramError
from plan.vram.layers import lengths
from tests import stacks
from tests.plan.config import every_key
from tests.plan.config.every_key import changed
from tests.plans import made

INT32 = 2**31 - 1


def refused(key: str, value: Any) -> str:
    path = tuple(int(part) if part.isdigit() else part for part in key.split("/"))
    with pytest.raises(ConfigError) as caught:
        made(changed(every_key.raw(), path, value))
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models/qwen3vl-8b/parallel", 10**320),
        ("models/qwen3vl-8b/parallel", 257),  # llama.cpp has 256 slots
        ("models/qwen3vl-8b/context", 2**31),
        ("models/qwen3vl-8b/ubatch", 2**32),
        ("models/qwen3vl-8b/ttl_s", 10**10),
        ("models/qwen3vl-8b/warm_priority", -(10**30)),
        ("models/qwen3vl-8b/args/seed", 10**30),
        ("models/qwen3vl-8b/measured/0/mib", 10**15),
        ("models/qwen3vl-8b/measured/0/build", 10**9),
        ("server/uid", 2**31),
        ("server/gid", 2**31),
        ("server/uid", 0),
        ("server/rollout_s", 2**31),
        ("server/ttl_s", 10**10),
        ("server/memory_limit_mib", 2**43),
        ("fetch/deadline_s", 10**10),
        ("fetch/slots", 10**6),
        ("prune/grace_h", 10**7),
        ("volume/size_gib", 2**33),
        ("volume/read_mib_s", 10**12),
        ("gpu/slice/count", 10**19),
        ("gpu/node/memory_gib", 2**53),
        ("gpu/tenants/immich/peak_mib", 10**320),
        ("gpu/reserve_mib", 10**20),
    ],
)
def test_a9_a_number_beyond_what_can_hold_it_is_refused_by_its_key(key: str, value: int) -> None:
    said = refused(key, value)
    assert said.startswith(f"local-llm:stack.{key.replace('/', '.')}: got ")
    assert "Write " in said or "No flag takes" in said


def test_a9_tokens_of_all_slots_together_are_counted_in_an_int_as_well() -> None:
    raw = changed(every_key.raw(), ("models", "qwen3vl-8b", "parallel"), 256)
    with pytest.raises(ConfigError, match=r"Context 8388608 times parallel 256 is more than 2147483647"):
        config.parse(changed(raw, ("models", "qwen3vl-8b", "context"), 2**23))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"block_count": 2**32 - 1}, "Write 512 or less"),
        ({"block_count": 513}, "Write 512 or less"),
        ({"head_count": 2**32}, "Write 4294967295 or less"),
        ({"head_count_kv": [1] * 513}, "Write at most 512 of them"),
        ({"vocab_size": 10**50}, "Write 4294967295 or less"),
        ({"embedding_length": -1}, "Write 0 or more"),
    ],
)
def test_a9_facts_of_a_lock_that_no_header_has_are_refused(facts: dict[str, Any], said: str) -> None:
    raw = stacks.locked().model_dump()
    shape = raw["models"]["qwen3-8b"]["gguf"]["shape"]
    raw["models"]["qwen3-8b"]["gguf"]["shape"] = {**shape, **facts}

    with pytest.raises(ConfigError) as caught:
        lock.load(str(raw).replace("None", "null").replace("(", "[").replace(",)", "]").replace(")", "]"))

    assert said in str(caught.value)
    assert "qwen3-8b.gguf.shape" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "facts", "said"),
    [
        ("qwen3-8b", {"head_count": 0}, "its head_count is 0"),
        ("qwen3-8b", {"head_count": (0,) * 512}, "its head_count is 0"),
        ("qwen3-8b", {"head_count": (0, *(32,) * 511), "key_length": None}, "no head_count in its first layer"),
        ("qwen3-8b", {"block_count": 0}, "its block_count is 0"),
        ("qwen3-8b", {"embedding_length": 0}, "its embedding_length is 0"),
        ("qwen3-8b", {"nextn_predict_layers": 2**32 - 1}, "block_count"),
        ("qwen3-8b", {"expert_count": 8, "expert_used_count": 0}, "its expert_used_count is 0"),
    ],
)
def test_a9_facts_with_which_nothing_can_be_computed_are_told(model: str, facts: dict[str, Any], said: str) -> None:
    update = {"source": "header", "architecture": "qwen3moe" if "expert_count" in facts else "qwen3", **facts}
    with pytest.raises(VramError, match=said):
        lengths(stacks.locked().models[model].gguf.shape.model_copy(update=update))


@pytest.mark.parametrize(
    "name",
    [
        "x-00001-of-00000.gguf",
        "x-00000-of-00000.gguf",
        "x-00000-of-00002.gguf",
        "x-00003-of-00002.gguf",
        "d/x-99999-of-00001.gguf",
        "http://hub/x-00002-of-00001.gguf",
    ],
)
def test_a9_a_part_of_fewer_parts_than_it_counts_is_refused(name: str) -> None:
    with pytest.raises(OpsError, match="is no part of a model"):
        file_names.siblings(name)


@pytest.mark.parametrize(
    "names", [["x-Q4_0-00001-of-00000.gguf"], ["x-Q4_0-00001-of-00002.gguf", "x-Q4_0-00003-of-00002.gguf"]]
)
def test_a9_nor_is_it_found_in_a_repository(names: list[str]) -> None:
    with pytest.raises(OpsError, match=r"parts|part of"):
        file_names.by_tag("a/b", names, "model", "Q4_0")
