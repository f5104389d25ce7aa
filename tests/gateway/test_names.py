"""Ids and aliases as OpenAI's clients write them: llama.cpp's router serves them and answers in their name."""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from dev.tools import tools
from dev.tools.llama import SMOLLM2_FILES
from plan.base.names import slug
from tests.gateway.router import running
from tests.plans import made, renamed

KEY = "a-key-of-the-tests"
TAGGED, DOTTED, ALIAS = "Org/SmolLM2:Q4_K_M", "GPT-3.5_turbo", "org/small:v1.5"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tools.ensure("llama", "smollm2")
    weights = {slug(it): tools.path("smollm2") / SMOLLM2_FILES[0] for it in (TAGGED, DOTTED)}
    plan = made(*renamed(TAGGED, DOTTED, stack="cpu", engine="llama-server", aliases=[ALIAS])).server
    with running(tmp_path_factory.mktemp("router"), plan, weights, KEY) as url:
        yield url


def asked(url: str, body: object = None) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def test_models_are_listed_under_their_ids(endpoint: str) -> None:
    listed = asked(f"{endpoint}/models")["data"]

    assert isinstance(listed, list)
    assert {it["id"]: it["aliases"] for it in listed} == {TAGGED: [ALIAS], DOTTED: []}


@pytest.mark.parametrize(("name", "answers"), [(TAGGED, TAGGED), (ALIAS, TAGGED), (DOTTED, DOTTED)])
def test_an_answer_names_the_model_and_no_path(endpoint: str, name: str, answers: str) -> None:
    hello = {"model": name, "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]}

    assert asked(f"{endpoint}/chat/completions", hello)["model"] == answers
