"""A real LiteLLM proxy includes the rendered file, before a scripted server in llama-swap's place."""

import copy
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from plan.gateway import litellm
from plan.gateway.contract import Contract
from tests.gateway import proxy, upstream
from tests.gateway.proxy import Proxy
from tests.gateway.upstream import Upstream
from tests.plans import planned

KEY = secrets.token_hex(16)
HI = [{"role": "user", "content": "hi"}]
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
RELEASED = threading.Event()
SCRIPTS = {
    "fails": upstream.fails(500, times=99),
    "unavailable": upstream.fails(503, times=99),
    "busy": upstream.fails(429, times=2, headers={"Retry-After": "1"}),
    "refused-once": upstream.fails(401, times=1),
    "loads": upstream.loads_for(3.0),
    "sees": upstream.fails(500, times=0),
    "hangs": upstream.waits_for(RELEASED),
    # As llama-server 0.5.0 answers.
    "embeds": upstream.says(
        {
            "object": "list",
            "model": "embeds",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}],
            "usage": {"prompt_tokens": 2, "total_tokens": 2},
        }
    ),
    "ranks": upstream.says(
        {
            "object": "list",
            "model": "ranks",
            "results": [{"index": 1, "relevance_score": 3.5}, {"index": 0, "relevance_score": -9.0}],
            "usage": {"prompt_tokens": 9, "total_tokens": 9},
        }
    ),
}
OTHERS = {
    "embeds": {"mode": "embedding", "maxOutputTokens": 0, "dimensions": 2},
    "ranks": {"mode": "rerank", "maxOutputTokens": 0},
}


def contract(port: int, *ids: str, timeout_s: int | None = None) -> Contract:
    """The contract of t4 with other models, at the scripted server."""
    value = copy.deepcopy(planned("t4").contract)
    value["endpoint"] = f"http://127.0.0.1:{port}/v1"
    value["limits"]["recommendedTimeoutSeconds"] = timeout_s or value["limits"]["recommendedTimeoutSeconds"]
    blind = next(model for model in value["models"] if not model["vision"])
    value["models"] = [
        {
            **blind,
            "id": model,
            "aliases": [f"Org/{model}:v1.5"],
            "vision": model == "sees",
            "tools": model == "sees",
            **OTHERS.get(model, {}),
        }
        for model in ids
    ]
    return value


def beside(text: str) -> dict[str, Any]:
    """What the file's comment tells a person to copy."""
    return yaml.safe_load("\n".join(line[4:] for line in text.splitlines() if line.startswith("#   ")))


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with upstream.running(SCRIPTS) as server:
        yield server
        RELEASED.set()


@contextmanager
def including(server: Upstream, directory: Path, **general: object) -> Iterator[Proxy]:
    """A gateway that follows the file's comment, and whose own settings are otherwise the worst for these models."""
    text = litellm.render(contract(server.port, *sorted(SCRIPTS.keys() - {"hangs"})))
    (directory / "models.yaml").write_text(text)
    (directory / "other.yaml").write_text(litellm.render(contract(server.port, "hangs", timeout_s=1)))
    own = beside(text)
    own["include"] = ["models.yaml", "other.yaml"]
    own["general_settings"] |= {"master_key": proxy.MASTER_KEY, **general}
    own["router_settings"] |= {"num_retries": 2, "timeout": 1, "stream_timeout": 1}
    with proxy.running(directory, own, KEY) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(server: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with including(server, tmp_path_factory.mktemp("gateway")) as running:
        yield running


def ask(gateway: Proxy, model: str, *, stream: bool = False) -> str:
    answer = gateway.client.chat.completions.create(model=model, messages=HI, stream=stream)  # type: ignore[call-overload]
    if not stream:
        return answer.choices[0].message.content
    with answer:
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


@STREAM
@pytest.mark.parametrize("model", ["fails", "unavailable"])
def test_a_failed_completion_is_asked_for_once(gateway: Proxy, server: Upstream, model: str, stream: bool) -> None:
    before = server.count(model)

    with pytest.raises(openai.InternalServerError, match="scripted 50"):
        ask(gateway, model, stream=stream)

    assert server.count(model) == before + 1, "each retry would start the model's process once more"


def test_a_full_queue_is_asked_again_after_the_time_it_names(gateway: Proxy, server: Upstream) -> None:
    begun = time.monotonic()

    assert ask(gateway, "busy") == "hello"

    assert server.count("busy") == 3
    assert time.monotonic() - begun >= 1.9, "two answers said Retry-After: 1"


@STREAM
def test_a_completion_whose_model_loads_first_arrives(gateway: Proxy, server: Upstream, stream: bool) -> None:
    before = server.count("loads")

    assert ask(gateway, "loads", stream=stream) == "hello", "the gateway's own timeouts are shorter than a load"

    assert server.count("loads") == before + 1


@STREAM
def test_the_contracts_timeout_is_the_one_that_ends_a_request(gateway: Proxy, server: Upstream, stream: bool) -> None:
    before = server.count("hangs")

    with pytest.raises(openai.APIStatusError) as caught:
        ask(gateway, "hangs", stream=stream)

    assert caught.value.status_code == 408
    assert server.count("hangs") == before + 1, "a retry would wait once more behind the same load"


def test_a_model_whose_key_was_refused_is_asked_again_at_once(gateway: Proxy, server: Upstream) -> None:
    with pytest.raises(openai.AuthenticationError):
        ask(gateway, "refused-once")

    assert ask(gateway, "refused-once") == "hello", "the only deployment there is must not be set aside"
    assert server.count("refused-once") == 2


def test_an_alias_is_answered_by_its_model(gateway: Proxy, server: Upstream) -> None:
    assert ask(gateway, "Org/sees:v1.5") == "hello"
    assert server.asked[-1].model == "sees"


def test_vectors_come_through(gateway: Proxy, server: Upstream) -> None:
    for name in ("embeds", "Org/embeds:v1.5"):
        answer = gateway.client.embeddings.create(model=name, input=["hi"], encoding_format="float")

        assert answer.data[0].embedding == [0.5, -0.5]
        assert server.asked[-1].model == "embeds"


def test_ranks_come_through(gateway: Proxy, server: Upstream) -> None:
    for name in ("ranks", "Org/ranks:v1.5"):
        body = {"model": name, "query": "which?", "documents": ["this", "that"]}

        answer = gateway.post("/v1/rerank", body)

        assert [row["index"] for row in answer["results"]] == [1, 0]
        assert server.asked[-1].model == "ranks"
        assert server.asked[-1].authorization == f"Bearer {KEY}"


def test_no_path_for_health_asks_a_model(gateway: Proxy, server: Upstream) -> None:
    before = list(server.asked)

    for path in ("/health/liveliness", "/health/readiness", "/health"):
        gateway.get(path)

    assert server.asked == before, "each would load its model and evict the one in use"


def test_health_checks_that_a_gateway_has_on_never_ask_a_model(server: Upstream, tmp_path: Path) -> None:
    before, cycle = list(server.asked), "background_health_check_cycle_start"

    with including(server, tmp_path, background_health_checks=True, health_check_interval=1) as gateway:
        deadline = time.monotonic() + 300
        while gateway.log.count(cycle) < 3:
            assert time.monotonic() < deadline, "the checks that this is about do not run"
            time.sleep(0.1)

    assert server.asked == before, "each would load its model and evict the one in use"


def test_what_a_model_can_do_is_what_the_gateway_tells(gateway: Proxy) -> None:
    groups = {group["model_group"]: group for group in gateway.get("/model_group/info")["data"]}

    assert set(groups) == {name for model in SCRIPTS for name in (model, f"Org/{model}:v1.5")}
    assert {name for name, group in groups.items() if group["supports_vision"]} == {"sees", "Org/sees:v1.5"}
    assert {name for name, group in groups.items() if group["supports_function_calling"]} == {"sees", "Org/sees:v1.5"}
    for name, group in groups.items():
        mode = next((it["mode"] for model, it in OTHERS.items() if model in name), "chat")
        assert (group["mode"], group["max_input_tokens"]) == (mode, 16384)
        assert group["max_output_tokens"] == (8192 if mode == "chat" else None)
        assert (group["input_cost_per_token"], group["output_cost_per_token"]) == (0, 0)


def test_an_unknown_model_is_the_callers_error(gateway: Proxy, server: Upstream) -> None:
    before = list(server.asked)

    with pytest.raises(openai.APIStatusError) as caught:
        ask(gateway, "nobody-has-this")

    assert 400 <= caught.value.status_code < 500
    assert server.asked == before


def test_the_key_reaches_the_server_and_no_log(gateway: Proxy, server: Upstream) -> None:
    ask(gateway, "sees")

    assert {asked.authorization for asked in server.asked} == {f"Bearer {KEY}"}
    assert "sees" in gateway.log, "this log is the one it writes"
    assert KEY not in gateway.log
    assert KEY[:8] not in gateway.log, "not even a part of it"


def test_the_gateways_own_sections_hold_beside_an_included_file(gateway: Proxy) -> None:
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-wrong", max_retries=0) as stranger,
        pytest.raises(openai.APIStatusError),
    ):
        stranger.chat.completions.create(model="sees", messages=HI)  # type: ignore[arg-type]
