"""The chat at the end of `make up` is with the server that this `up` rolled out."""

import json
import re
from pathlib import Path

import pytest

from dev.cluster import kubectl
from dev.commands import conversation, up, verdict
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi import mend
from dev.pulumi.cli import PulumiCli


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done, in order, on a cluster that answers everything."""
    done: list[str] = []

    def run(_kubeconfig: Path, *arguments: str, stdin: str | None = None) -> str:
        assert stdin is None
        done.append(" ".join(arguments[:2]))
        return "c2VjcmV0"

    def ask(_endpoint: str, _key: str, model: str, _messages: object, **settings: object) -> conversation.Answer:
        assert settings["max_tokens"]
        done.append(f"ask {model}")
        return conversation.Answer(model, "red, green and blue", 1.0, 10)

    monkeypatch.setattr(PulumiCli, "prepare", lambda _: None)
    monkeypatch.setattr(verdict, "told", lambda cli: (done.append("pulumi preview") or 0, cli))
    monkeypatch.setattr(mend, "before_up", lambda cli: cli)
    monkeypatch.setattr(PulumiCli, "run", lambda _, command, *__, **___: done.append(f"pulumi {command}"))
    monkeypatch.setattr(kubectl, "run", run)
    monkeypatch.setattr(conversation, "wait", lambda _: None)
    monkeypatch.setattr(conversation, "ask", ask)
    return done


def test_no_model_is_asked_before_the_old_pod_is_gone(happened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    cli = PulumiCli(Instance("t-prove"), "dev", Path("kubeconfig"), {})
    up.deploy(cli)
    up.prove(cli, cli.kubeconfig)

    assert happened[:3] == ["pulumi preview", "pulumi up", "rollout status"]
    assert [it for it in happened if it.startswith("ask ")] == ["ask smollm2-135m", "ask gemma-3-270m-q4"]
    (body,) = re.findall(r"-d '(.*)'", capsys.readouterr().out)
    assert json.loads(body)["model"] == "smollm2-135m"
    assert json.loads(body)["max_tokens"] <= 64, "the printed command answers in seconds"


def test_a_rollout_that_does_not_end_is_told_and_no_model_is_asked(
    happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(_kubeconfig: Path, *_: str) -> str:
        raise DevError("kubectl rollout: timed out", "look at the pod")

    monkeypatch.setattr(kubectl, "run", stuck)

    with pytest.raises(DevError, match="timed out"):
        up.deploy(PulumiCli(Instance("t-prove"), "dev", Path("kubeconfig"), {}))
    assert happened == ["pulumi preview", "pulumi up"], "nothing after it: neither a way to the Service nor a question"


def test_a_preview_that_fails_is_the_end_before_anything_is_changed(
    happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "told", lambda cli: (255, cli))

    with pytest.raises(DevError, match="ended with exit code 255, and nothing was changed"):
        up.deploy(PulumiCli(Instance("t-prove"), "dev", Path("kubeconfig"), {}))
    assert happened == []
