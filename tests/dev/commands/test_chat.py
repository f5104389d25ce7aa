"""`make chat`: who is asked what, and how a question comes to it."""

import io
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import kubectl
from dev.commands import chat
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from tests import stacks
from tests.dev.commands.streams import completed, stream
from tests.ops import endpoint


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Any]]]:
    """Runs `make chat` against an endpoint that knows the models of the stack dev; the bodies it was asked with."""

    def answer(body: dict[str, Any]) -> tuple[int, bytes]:
        return 200, stream(f"{body['messages'][-1]['content']}!") if "messages" in body else completed(" Paris", "!")

    with endpoint.running(dict.fromkeys(("smollm2-135m", "gemma-3-270m-q3", "gemma-3-270m-q4"), answer)) as running:
        port = int(running.url.rpartition(":")[2])
        monkeypatch.setattr(Instance, "ports", property(lambda _: type("Ports", (), {"endpoint": port})))
        monkeypatch.setattr(kubectl, "run", lambda *_: "c2VjcmV0")

        def run(model: str = "", question: str = "", typed: str | None = None, cluster: str = "embedded") -> list[Any]:
            stdin = io.StringIO(typed or "")
            stdin.isatty = lambda: typed is not None and "\n" in typed
            monkeypatch.setattr("sys.stdin", stdin)
            chat.run(Instance("t-chat"), cluster, "dev", Path("kubeconfig"), model, question)
            return running.asked

        yield run


def test_a_question_goes_to_the_first_model_with_a_chat_template(desk: Callable[..., list[Any]]) -> None:
    (asked,) = desk(question="Why?")
    assert (asked["model"], asked["messages"]) == ("smollm2-135m", [{"role": "user", "content": "Why?"}])
    assert asked["stream"] is True
    assert asked["max_tokens"] > 0, "it ends"


def test_another_model_is_asked_by_its_id_and_none_that_is_not_there(
    desk: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    (asked,) = desk(model="gemma-3-270m-q4", question="The capital of France is")
    assert asked["model"] == "gemma-3-270m-q4"
    assert asked["prompt"] == "The capital of France is", "it has no chat template, so it goes on with what was said"
    assert "messages" not in asked
    assert " Paris!\n" in capsys.readouterr().out
    with pytest.raises(DevError, match=r"MODEL='gpt-5' is none .*\n.*gemma-3-270m-q3, gemma-3-270m-q4, smollm2-135m"):
        desk(model="gpt-5", question="Why?")


def test_an_alias_is_its_model_also_where_that_has_no_chat_template(
    desk: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"smollm2-135m": {}, "gemma-3-270m-q4": {"aliases": ["writer"]}}
    monkeypatch.setattr(chat, "committed", lambda _: {"models": models, "namespace": "llama-cpp"})

    (asked,) = desk(model="writer", question="The capital of France is")

    assert asked["model"] == "gemma-3-270m-q4"
    assert asked["prompt"] == "The capital of France is"


def test_a_question_may_come_by_a_pipe(desk: Callable[..., list[Any]]) -> None:
    (asked,) = desk(typed="What is $HOME?")
    assert asked["messages"][0]["content"] == "What is $HOME?"
    with pytest.raises(DevError, match=r"there is no question\n.*make chat ASK="):
        desk(typed="")


def test_on_a_terminal_it_is_a_conversation_until_an_empty_line(desk: Callable[..., list[Any]]) -> None:
    first, second = desk(typed="one\ntwo\n\nthree\n")
    assert len(first["messages"]) == 1
    assert [message["content"] for message in second["messages"]] == ["one", "one!", "two"]


def test_played_pods_are_not_asked(desk: Callable[..., list[Any]]) -> None:
    with pytest.raises(DevError, match="no model answers"):
        desk(question="Why?", cluster="engine")


@pytest.mark.parametrize(
    "question",
    [
        "plain",
        """it's "quoted" and `ticked`""",
        "$HOME $(HOME) $$ ${X} $(shell touch made) # not a comment",
        "a; touch made && b | c > made",
        "50% \\ \\n *? ~ ! ä 🌊 a=b: %",
        "two\nlines",
        "'",
        "-n",
    ],
)
def test_make_hands_a_question_on_as_it_is(question: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s|%s|%s" "$LOCAL_LLM_MODEL" "$LOCAL_LLM_ASK" "$*"\n')
    python.chmod(0o755)
    where = ["MODEL=a'b", "STACK=dev", "INSTANCE=mine", f"PYTHON={python}"]

    # -o: .venv is there already, for this runs in it.
    argv = ["make", "-s", "-f", str(stacks.ROOT / "Makefile"), "-o", "venv", "chat", f"ASK={question}", *where]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stdout == f"a'b|{question}|-m dev --cluster embedded --stack dev --instance mine chat", done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["python"]
