"""What the engine asks before it changes anything is answered as the official plugin answered it, call by call."""

import copy
import re
from typing import Any

import pytest

from tests.plugin.diff.replay import RECORDINGS, Exchange, call, exchanges, new_plugin

# The suffix is drawn from the engine's seed by an algorithm of the Go SDK; only that it is 8 hex digits matters.
_AUTO_NAME = re.compile(r"^(cfg)-[0-9a-f]{8}$")


def test_every_situation_was_recorded() -> None:
    numbers = [path.name[:2] for path in RECORDINGS]
    assert numbers == [f"{number:02}" for number in range(1, 25) if number != 21]


@pytest.mark.parametrize("exchange", exchanges("Check"), ids=str)
def test_check_gives_the_recorded_inputs(exchange: Exchange) -> None:
    answer, recorded = call(new_plugin(), "Check", exchange.request), copy.deepcopy(exchange.response)
    if not exchange.request["olds"]:
        for inputs in (answer["inputs"], recorded["inputs"]):
            inputs["metadata"]["name"] = _AUTO_NAME.sub(r"\1-AUTO", inputs["metadata"]["name"])
    assert answer == recorded


@pytest.mark.parametrize("exchange", exchanges("Diff"), ids=str)
def test_diff_finds_the_recorded_changes_and_replacements(exchange: Exchange) -> None:
    answer = call(new_plugin(), "Diff", exchange.request)
    assert _unordered(answer) == _unordered(exchange.response)


def _unordered(response: dict[str, Any]) -> dict[str, Any]:
    """The order of `replaces` is that of a Go map: none."""
    return {**response, "replaces": sorted(response.get("replaces", []))}


@pytest.mark.parametrize("exchange", exchanges("CheckConfig", "DiffConfig", "Configure"), ids=str)
def test_the_provider_itself_is_configured_as_recorded(exchange: Exchange) -> None:
    assert call(new_plugin(), exchange.method, exchange.request) == exchange.response
