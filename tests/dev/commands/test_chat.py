"""What `make up` and `make chat` ask stays on this machine, and the answer is seen as it arrives."""

import io
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import kubectl
from dev.commands import chat, conversation
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from tests import stacks
from tests.ops import endpoint
from tests.serving import serving

MESSAGES = [{"role": "user", "content": "which?"}]
TIMINGS = {"predicted_n": 2, "predicted_per_second": 30.0}


def event(content: str | None, **more: Any) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': content}}], **more})}\n\n".encode()


def stream(*pieces: str) -> bytes:
    return b"".join([event(None), *map(event, pieces), event(None, timings=TIMINGS), b"data: [DONE]\n\n"])


def completed(*pieces: str) -> bytes:
    """What /v1/completions sends."""
    return b"".join(f"data: {json.dumps({'choices': [{'text': piece}]})}\n\n".encode() for piece in pieces)


@contextmanager
def answering(content: bytes, status: int = 200) -> Iterator[endpoint.Endpoint]:
    with endpoint.running({"a": lambda _: (status, content)}) as running:
        yield running


def said(content: bytes, status: int = 200) -> conversation.Answer:
    with answering(content, status) as running:
        return conversation.ask(running.url, "", "a", MESSAGES)


def test_d12_a_proxy_in_the_environment_is_not_asked_about_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    with answering(stream("red")) as running:
        conversation.wait(running.url, timeout_s=0)
        assert conversation.ask(running.url, "", "a", MESSAGES).text == "red"


class Terminal(io.StringIO):
    """A terminal on which `word` was seen or not."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word, self.seen = word, threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.word in self.getvalue():
            self.seen.set()
        return written


def test_on_a_terminal_each_piece_is_shown_before_the_next_one_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("red")
    monkeypatch.setattr("sys.stdout", terminal)
    in_time: list[bool] = []

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(event("red"))
            in_time.append(terminal.seen.wait(60))
            self.wfile.write(event(" and blue", timings=TIMINGS))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    with serving(server):
        answer = conversation.ask(f"http://127.0.0.1:{server.server_port}", "", "a", MESSAGES)

    assert in_time == [True]
    assert terminal.getvalue() == "red and blue\n"
    assert (answer.text, answer.tokens_per_s) == ("red and blue", 30.0)


def test_into_a_file_the_answer_is_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    said(stream("red", "\nand blue"))
    assert capsys.readouterr().out == "red\nand blue\n"


def test_nothing_that_a_model_says_acts_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    said(stream("\x1b[2J", "\u202e", "red\a"))
    shown = capsys.readouterr().out
    assert shown.removesuffix("\n").isprintable()
    assert "red" in shown


def test_a_speed_is_told_by_an_engine_that_measures_none() -> None:
    assert said(event("red") + event("blue")).tokens_per_s > 0


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (stream(), 200, "a answered with nothing"),
        (stream(" ", "\n"), 200, "a answered with nothing"),
        (
            event("red") + b'data: {"error": {"message": "out of memory"}}\n\n',
            200,
            "the answer ended with .*out of mem",
        ),
        (b'error: {"code": 500}\n\n', 200, "the answer ended with .*500"),
        (b"data: <html>\n\n", 200, "the answer ended with '<html>'"),
        (b"data: []\n\n", 200, "the answer ended with"),
        (b'data: {"choices": {"a": 1}}\n\n', 200, "the answer ended with"),
        (b'data: {"choices": [{"delta": {"content": [1]}}]}\n\n', 200, "the answer ended with"),
        (b"data: " + b"[" * 10_000 + b"\n\n", 200, "the answer ended with"),
        (b'{"error": "no slot"}', 503, "HTTP 503: .*no slot"),
    ],
)
def test_an_answer_that_is_none_is_told_with_the_next_step(content: bytes, status: int, told: str) -> None:
    with pytest.raises(DevError, match=told) as caught:
        said(content, status)
    assert "kubectl logs deploy/llama-swap" in str(caught.value)


def test_an_endpoint_that_is_away_is_told() -> None:
    with pytest.raises(DevError, match="make up"):
        conversation.ask("http://127.0.0.1:1", "", "a", MESSAGES)


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
