"""What the contract says of an engine is what that engine does: here llama.cpp's router, on a real model."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from dev.commands import conversation
from dev.tools import tools
from dev.tools.llama import SMOLLM2_FILES
from tests import stacks
from tests.gateway.router import router
from tests.plans import planned

Q3, Q4 = "gemma-3-270m-q3", "gemma-3-270m-q4"
KEY, MOST = "a-key-of-the-tests", 6
LONG = [{"role": "user", "content": "Count from one to a hundred in words, and leave none out."}]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tools.ensure("llama", "smollm2")
    weights = dict.fromkeys((Q3, Q4), tools.path("smollm2") / SMOLLM2_FILES[0])  # the fastest; whose does not matter
    with router(tmp_path_factory.mktemp("router"), weights, KEY, max_output_tokens=MOST) as url:
        yield url.removesuffix("/v1")


def contract() -> dict[str, Any]:
    models = {model_id: {**model, "max_output_tokens": MOST} for model_id, model in stacks.raw("cpu")["models"].items()}
    return dict(planned("cpu", models=models).contract)


def status(url: str, key: str = "") -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=300) as answer:  # noqa: S310
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def tokens(endpoint: str, **limit: int) -> int:
    body = json.dumps({"model": Q4, "messages": LONG, "ignore_eos": True, **limit}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(f"{endpoint}/v1/chat/completions", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
        return json.load(answer)["usage"]["completion_tokens"]


def test_health_answers_without_a_key_and_no_url_for_metrics_is_promised_where_none_answers(endpoint: str) -> None:
    assert status(f"{endpoint}/health") == 200
    assert contract()["metrics"] is None
    assert status(f"{endpoint}/metrics") == 401
    assert status(f"{endpoint}/metrics", KEY) == 400, "it wants a model"
    assert status(f"{endpoint}/metrics?model={Q4}", KEY) == 501, "and that model's process has no metrics"


def test_an_answer_ends_at_the_longest_that_the_contract_says_unless_the_request_names_more(endpoint: str) -> None:
    (said,) = {(it["maxOutputTokens"], it["outputLimit"]) for it in contract()["models"]}
    assert said == (MOST, "default")

    assert tokens(endpoint) == MOST
    assert tokens(endpoint, max_tokens=2) == 2
    assert tokens(endpoint, max_tokens=MOST + 3) == MOST + 3, "an engine that cuts it: let the contract say so"


def test_an_answer_is_shown_with_its_speed(
    endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for chats in (False, True):
        monkeypatch.setattr(conversation, "chats", lambda _, chats=chats: chats)
        told(conversation.ask(endpoint, KEY, Q4, LONG, max_tokens=5, ignore_eos=True), capsys)


def told(answer: conversation.Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer.text.strip() in capsys.readouterr().out
    assert answer.tokens_per_s > 0
    assert answer.first_s > 0
