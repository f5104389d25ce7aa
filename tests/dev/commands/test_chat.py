"""The questions at the end of `make up` stay on this machine."""

import json

import pytest

from dev.commands import chat
from tests.ops import endpoint


def test_d12_a_proxy_in_the_environment_is_not_asked_about_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    timings = {"prompt_ms": 1, "predicted_ms": 1, "predicted_per_second": 30}
    answer = {"choices": [{"message": {"content": "red"}}], "timings": timings}

    with endpoint.running({"a": lambda _: (200, json.dumps(answer).encode())}) as running:
        chat.wait(running.url, timeout_s=0)
        assert chat.ask(running.url, "", "a").text == "red"
