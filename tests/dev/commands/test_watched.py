"""Whose events `make up` heeds: those of the models in the stack file that the update reads."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from dev.commands import watched
from dev.machine.instance import Instance
from dev.pulumi import stackfile
from dev.pulumi.cli import PulumiCli
from plan import config
from plan.text.writer import yaml_text


@pytest.fixture
def heeded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The models of each watch; neither kubectl nor pulumi runs."""
    found: list[list[str]] = []

    class Watch:
        def __init__(self, _namespace: str, models: Collection[str], *_: object) -> None:
            found.append(sorted(models))

        def end(self) -> None:
            pass

    monkeypatch.setattr(watched, "Watch", Watch)
    monkeypatch.setattr(PulumiCli, "run", lambda *_, **__: "")
    monkeypatch.setattr(PulumiCli, "environment", lambda _: {})
    return found


def test_they_are_those_of_the_completed_stack_file(
    heeded: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack: dict[str, Any] = {"models": {"mine": {}, "another": {}}}
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(yaml_text({"config": {config.KEY: stack}}))
    monkeypatch.setattr(watched, "rendered", lambda *_: file)

    watched.run(PulumiCli(Instance("t-watched"), "dev", Path("kubeconfig"), {}), "llama-cpp", "up")

    assert heeded == [["another", "mine"]]


def test_and_of_the_committed_one_before_there_is_another(heeded: list[list[str]]) -> None:
    watched.run(PulumiCli(Instance("t-watched"), "dev", Path("kubeconfig"), {}), "llama-cpp", "up")

    assert heeded == [sorted(stackfile.committed("dev")["models"])]
