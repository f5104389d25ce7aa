"""What `make up` and `make chat` ask stays on this machine, and the answer is seen as it arrives, and as it is."""

import io
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dev.commands import conversation
from dev.machine.steps import DevError
from tests.dev.commands.streams import DONE, MESSAGES, TIMINGS, Terminal, answering, event, said, stream
from tests.serving import serving


def test_d12_a_proxy_in_the_environment_is_not_asked_about_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    with answering(stream("red")) as running:
        conversation.wait(running.url, timeout_s=0)
        assert conversation.ask(running.url, "", "a", MESSAGES).text == "red"


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
            self.wfile.write(event(" and blue", timings=TIMINGS) + DONE)

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
    assert said(event("red") + event("blue") + DONE).tokens_per_s > 0


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
        (
            event("red") + b'event: error\ndata: {"message": "no slot"}\n\n' + DONE,
            200,
            "the answer ended with .*no slot",
        ),
        (b'data: {"message": "no slot"}\nevent:error\n\n' + DONE, 200, "the answer ended with .*no slot"),
        (b"event: error\n\n", 200, "the answer ended with"),
        (event("red"), 200, "a: the answer broke off"),
        (event("red", timings=TIMINGS), 200, "a: the answer broke off"),
        (b"", 200, "a: the answer broke off"),
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


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\u00a0c\u3000d",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f4bb \u200f\u200e \u00ad",
        "https://medium.com/@joe and sk-learn-pipeline and user:pass@host and ?token=abc",
        "x" * 9000,
    ],
    ids=["blanks", "persian", "emoji", "names", "long"],
)
@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_harmless_in_an_answer_is_shown_as_it_is(
    monkeypatch: pytest.MonkeyPatch, text: str, terminal: bool
) -> None:
    assert shown(monkeypatch, terminal, "", text, "\nand more") == f"{text}\nand more\n"


@pytest.mark.parametrize("sign", ["\r", "\x00", "\ud800", "\x9b", "\x7f", "\u202e", "\u2066", "\u2069"])
@pytest.mark.parametrize("terminal", [True, False])
def test_what_acts_on_a_terminal_is_written_out(monkeypatch: pytest.MonkeyPatch, sign: str, terminal: bool) -> None:
    assert shown(monkeypatch, terminal, "", f"a{sign}", "b") == f"a{ascii(sign)[1:-1]}b\n"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("pieces", [("it is k3y-k3y-x!",), tuple("it is k3y-k3y-x!"), ("it is k3y-", "k3y", "-x!")])
def test_the_api_key_is_never_shown_whatever_the_pieces_are(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, pieces: tuple[str, ...]
) -> None:
    assert shown(monkeypatch, terminal, "k3y-k3y-x", *pieces) == "it is ***!\n"
    assert shown(monkeypatch, terminal, "k3y-k3y-x", "it is k3y-", "k3y") == "it is k3y-k3y\n", "a part is not the key"


def shown(monkeypatch: pytest.MonkeyPatch, terminal: bool, key: str, *pieces: str) -> str:
    screen = Terminal("") if terminal else io.StringIO()
    monkeypatch.setattr("sys.stdout", screen)
    with answering(stream(*pieces)) as running:
        answer = conversation.ask(running.url, key, "a", MESSAGES)
    assert answer.text == "".join(pieces), "what the model hears again is what it said"
    return screen.getvalue()


def test_a_refusal_is_told_without_the_key() -> None:
    with answering(b"invalid key k3y-1234", 401) as running, pytest.raises(DevError) as caught:
        conversation.ask(running.url, "k3y-1234", "a", MESSAGES)
    assert "k3y-1234" not in str(caught.value)


def test_an_answer_that_is_only_thought_is_told_as_such() -> None:
    thought = b'data: {"choices": [{"delta": {"reasoning_content": "Well"}, "finish_reason": "length"}]}\n\n'
    with pytest.raises(DevError, match=r"a only thought(.|\n)*max_tokens"):
        said(thought + DONE)
    assert said(thought + event("red") + DONE).text == "red"


@pytest.mark.parametrize(
    "content",
    [
        stream("red").replace(b"data: ", b"data:"),
        stream("red").replace(b"\n", b"\r\n"),
        b": ping\n\n" + stream("red"),
        b"event: message\nid: 1\n: ping\n" + stream("red"),
        event("red").replace(b'"delta"', b'"finish_reason": "stop", "delta"'),
    ],
    ids=["no blank", "CR", "comment", "named", "no DONE"],
)
def test_the_forms_of_a_stream_that_is_whole(content: bytes) -> None:
    assert said(content).text == "red"


@contextmanager
def another_service() -> Iterator[str]:
    """An SSH server has the port."""

    class Banner(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"SSH-2.0-OpenSSH_9.6 \x1b[2J\r\n")
            self.request.recv(1000)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Banner)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def test_another_service_at_the_port_is_told_in_words() -> None:
    with another_service() as url:
        for ask in (lambda: conversation.wait(url, timeout_s=0), lambda: conversation.ask(url, "", "a", MESSAGES)):
            with pytest.raises(DevError, match=r"another service has that port: SSH-2.0-OpenSSH_9.6"):
                ask()
