"""Where two keys contradict each other, one of them is named with what stands there: never the mapping around them."""

from typing import Any

import pytest

from plan import config
from plan.base.errors import ConfigError
from tests.plan.config import every_key

M, OTHER = "models.qwen3vl-8b", "models.qwen3vl-4b"
GONE = "(no such key)"


def refusal(changes: dict[str, Any], home: str = "nfs") -> str:
    raw = every_key.raw(home)
    for path, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        at = raw = every_key.changed(raw, tuple(above), {**every_key.at(raw, tuple(above))})
        for part in above:
            at = at[part]
        if value == GONE:
            del at[last]
        else:
            at[last] = value
    with pytest.raises(ConfigError) as caught:
        config.parse(raw)
    return str(caught.value)


A, B = "models/qwen3vl-8b", "models/qwen3vl-4b"
LOCAL = {"path": "/srv", "node": "n1"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({f"{A}/aliases": ["a", "b", "a"]}, f"{M}.aliases.2: got 'a'. An id or alias stands for one model, and a is"),
        ({f"{A}/aliases": ["x", "qwen3vl-8b"]}, f"{M}.aliases.1: got 'qwen3vl-8b'."),
        ({f"{A}/aliases": ["qwen3vl-4b"]}, f"{M}.aliases.0: got 'qwen3vl-4b'."),
        ({f"{B}/aliases": ["qwen3vl-8b"]}, f"{OTHER}.aliases.0: got 'qwen3vl-8b'."),
        ({f"{B}/aliases": ["chat"]}, f"{OTHER}.aliases.0: got 'chat'."),
        ({f"{B}/aliases": ["z", "chat"]}, f"{OTHER}.aliases.1: got 'chat'."),
        ({f"{A}/max_output_tokens": 4097}, f"{M}.max_output_tokens: got 4097."),
        ({f"{A}/context": 2**24, f"{A}/parallel": 256}, f"{M}.context: got 16777216."),
        ({"volume/local": LOCAL}, "volume.local: got 'nfs and local together'."),
        ({"volume/existing_claim": True}, "volume.existing_claim: got 'nfs and existing_claim together'."),
        ({"volume/nfs": GONE}, "volume.nfs: got nothing."),
        ({"volume/size_gib": GONE}, "volume.size_gib: got nothing."),
        ({"volume/name": "a.b"}, "volume.name: got 'a.b'."),
        ({"server/memory_request_mib": 4097}, "server.memory_request_mib: got 4097."),
        ({"gpu/memory/request_mib": 80001}, "gpu.memory.request_mib: got 80001."),
        ({"gpu/memory/resource": "nvidia.com/gpu"}, "gpu.memory.resource: got 'nvidia.com/gpu'."),
        ({"gpu/card/context_mib": GONE}, "gpu.card.context_mib: got nothing. model: other needs card.context_mib"),
        ({"gpu/tenants/immich/idle_mib": 3001}, "gpu.tenants.immich.idle_mib: got 3001."),
        ({"gpu/tenants/immich/peak_mib": 2999}, "gpu.tenants.immich.peak_mib: got 2999."),
        ({"fetch/proxy": GONE}, "fetch.proxy_secret.name: got 'proxy'."),
        ({"fetch/endpoint": "http://hub.example", "fetch/proxy": None, "fetch/proxy_secret": None},
         "fetch.endpoint: got 'http://hub.example'."),
        ({"fetch/endpoint": "http://10.0.0.1"}, "fetch.endpoint: got 'http://10.0.0.1'."),
        ({"immich/namespace": "llama-cpp", "immich/deployment": "llama-swap"}, "immich.deployment: got 'llama-swap'."),
        ({"immich/deployment": "ml.v2", "immich/container": None}, "immich.container: got nothing."),
    ],
    ids=lambda it: str(it)[:60],
)  # fmt: skip
def test_a_contradiction_is_told_at_the_innermost_key_with_its_value(changes: dict[str, Any], said: str) -> None:
    told = refusal(changes)

    assert told.startswith(f"local-llm:stack.{said}"), told
    assert len(told) < 400, "no dump of what is around it"


def test_a_claim_that_exists_has_no_size() -> None:
    assert refusal({"volume/size_gib": 3}, "existing_claim").startswith("local-llm:stack.volume.size_gib: got 3. ")


def test_contradictions_in_several_mappings_are_told_together() -> None:
    told = refusal({"server/memory_request_mib": 4097, f"{A}/max_output_tokens": 4097, "volume/nfs": GONE})

    assert [line.partition(": got")[0] for line in told.splitlines()] == [
        "local-llm:stack.volume.nfs",
        "local-llm:stack.server.memory_request_mib",
        f"local-llm:stack.{M}.max_output_tokens",
    ]
