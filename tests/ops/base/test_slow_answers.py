"""An answer that comes a byte at a time ends at a deadline for the whole of it, with a reason."""

import signal
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from ops.base import network
from ops.base.errors import OpsError
from ops.base.network import LateError, within
from ops.calibrate import prometheus
from ops.calibrate.prometheus import Series
from ops.fit import gguf_source
from ops.verify.endpoint import AskError, Endpoint
from plan.config import Model
from plan.text.url import parse_url
from tests.ops.inside import Inside
from tests.serving import serving

SHORT_S, SILENCE_S = 0.4, 0.75
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
PART = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99999/100000\r\nContent-Length: 100000\r\n\r\n"
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n\x1f\x8b\x08\x08" + bytes(6)
# What is sent at once, and the byte that follows again and again.
MANNERS = {
    "its body": (HEAD, b" "),
    "its headers": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "its status": (b"HTTP/1.1 200 ", b"O"),
    "its body, compressed": (GZIP, b"x"),  # the name in gzip's own header goes on and on
    "its chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "nothing": (b"", b""),
}


class Trickling(socketserver.ThreadingTCPServer):
    daemon_threads = True
    begin, again = HEAD, b" "


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Trickling = self.server  # type: ignore[assignment]
        while self.rfile.readline(65536) not in (b"\r\n", b""):
            pass
        try:
            self.wfile.write(server.begin)
            for _ in range(2000):  # a minute and more, if nobody ends it
                self.wfile.write(server.again)
                time.sleep(0.05)
        except OSError:
            pass


@pytest.fixture
def server() -> Iterator[Trickling]:
    one = Trickling(("127.0.0.1", 0), _Handler)
    with serving(one):
        yield one


def url(server: Trickling) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def get(address: str) -> bytes:
    with httpx2.stream("GET", address, timeout=30) as answer:
        return b"".join(answer.iter_bytes())


@pytest.mark.parametrize("manner", MANNERS)
def test_an_answer_that_trickles_ends_in_time(server: Trickling, manner: str) -> None:
    server.begin, server.again = MANNERS[manner]

    with pytest.raises(LateError, match=r"no whole answer within 0\.4 s"):
        within(SHORT_S, lambda: get(url(server)))


def _prometheus(address: str) -> Any:
    return prometheus.peaks(Series(parse_url(address), "m", "pod", 1, SHORT_S))


def _gguf(address: str) -> Any:
    return gguf_source.sources(f"{address}/a.gguf", SHORT_S)


def _models(address: str) -> Any:
    return Endpoint(f"{address}/v1", "", "KEY", SILENCE_S).models()


def _hub(address: str) -> Any:
    del address
    from ops.lock import hub

    return hub.resolve(Model.model_validate({"repo": "a/b", "quant": "Q4_K_M", "context": 64}), SHORT_S)


@pytest.mark.parametrize("ask", [_prometheus, _gguf, _models, _hub])
@pytest.mark.parametrize("manner", ["its body", "its headers", "its chunks"])
def test_whoever_asks_says_who_was_too_slow(
    inside: Inside, server: Trickling, ask: Callable[[str], Any], manner: str
) -> None:
    inside.hub(url(server))
    server.begin, server.again = MANNERS[manner]
    if ask is _gguf and manner == "its body":
        server.begin = PART

    with pytest.raises(OpsError) as told:
        ask(url(server))

    if ask is _gguf and manner == "its chunks":
        return  # an answer without a range is refused before its body
    assert f"no whole answer within {1.5 if ask is _models else SHORT_S:g} s" in str(told.value)
    assert ask is _models or f"{url(server)}" in str(told.value)


def test_the_later_parts_of_a_header_have_a_deadline_too(inside: Inside, server: Trickling) -> None:
    first = gguf_source.FIRST_READ_BYTES
    head = f"HTTP/1.1 206 P\r\nContent-Range: bytes 0-{first - 1}/{2 * first}\r\nContent-Length: {first}\r\n\r\n"
    server.begin, server.again = head.encode() + bytes(first), b""
    (file,) = gguf_source.sources(f"{url(server)}/a.gguf", 20 * SHORT_S)
    server.begin, server.again = MANNERS["its headers"]
    inside.patch.setattr(network, "within", lambda seconds, answer: within(seconds / 20, answer))

    with pytest.raises(OpsError, match=r"is too slow: no whole answer within 0\.4 s"):
        file.read(first, 2 * first)


def test_what_an_answer_raises_is_raised_and_what_it_returns_is_returned() -> None:
    def own() -> None:
        raise TimeoutError("its own")

    assert within(5, lambda: 7) == 7
    with pytest.raises(TimeoutError, match="its own") as caught:
        within(5, own)
    assert not isinstance(caught.value, LateError)
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)


def test_a_question_to_a_model_ends_too(server: Trickling) -> None:
    server.begin, server.again = MANNERS["its body"]

    with pytest.raises(AskError, match=r"no whole answer within 1\.5 s") as told:
        Endpoint(f"{url(server)}/v1", "", "KEY", SILENCE_S).ask("m", "completions", {})

    assert "--timeout" in told.value.fix


def test_a_ctrl_c_that_another_thread_got_ends_the_wait_soon() -> None:
    """As one does that comes in the moment before the wait begins: neither wakes the thread that waits."""
    released = threading.Event()

    def interrupted() -> None:
        time.sleep(0.5)  # until the other one waits
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        released.wait(60)

    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            within(100, interrupted)
    finally:
        released.set()
    assert time.monotonic() - begun < 50, "it came when the wait was over"
