"""Answers to a Range in every form but the asked one: the right bytes in the end, or an end that says what came."""

import gzip
import http.client
import socket

import pytest

from pods.fetch.wire import Wire
from tests.pods.bench import Bench
from tests.pods.odd.conftest import CONTENT
from tests.pods.odd.raw_hub import Odd, RawHub, Request, answer


def unlike(status: str, *headers: str, body: bytes | None = None) -> Odd:
    """The right bytes under another status line and other headers, and nothing more on that connection."""

    def odd(request: Request) -> tuple[bytes, bool]:
        found = request.content[request.first : request.last + 1] if body is None else body
        return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + found, True

    return odd


def in_parts(request: Request) -> bytes:
    range_ = f"bytes {request.first}-{request.last}/{len(request.content)}"
    body = f"--x\r\nContent-Range: {range_}\r\n\r\n".encode() + request.content[request.first : request.last + 1]
    return answer("206 Partial Content", "Content-Type: multipart/byteranges; boundary=x", body=body + b"\r\n--x--\r\n")


def in_parts_with_range(request: Request) -> bytes:
    return request.part(
        b"--x\r\n\r\n" + request.content[request.first : request.last - 4], "Content-Type: Multipart/byteranges"
    )


def compressed(name: str, whole: bool = False) -> Odd:
    def odd(request: Request) -> bytes:
        body = gzip.compress(request.content if whole else request.content[request.first : request.last + 1], 1)
        headers = (f"Content-Encoding: {name}", "Content-Type: application/octet-stream")
        return answer("200 OK", *headers, body=body) if whole else request.part(body, *headers)

    return odd


def range_of(first: int, total: str = "") -> Odd:
    """The Content-Range speaks of bytes that lie so much further on, or of another total."""

    def odd(request: Request) -> bytes:
        at, size = request.first + first, total or str(len(request.content))
        body = request.content[at : at + 1 + request.last - request.first]
        return answer("206 Partial Content", f"Content-Range: bytes {at}-{at + len(body) - 1}/{size}", body=body)

    return odd


def chunked(*sizes: str, end: bytes = b"0\r\n\r\n") -> Odd:
    """The right bytes in chunks whose first lines say so; `{}` is what is true."""

    def odd(request: Request) -> tuple[bytes, bool]:
        body, sent = request.content[request.first : request.last + 1], b""
        for number, size in enumerate(sizes):
            piece = body[number * len(body) // len(sizes) : (number + 1) * len(body) // len(sizes)]
            sent += f"{size.format(f'{len(piece):x}')}\r\n".encode() + piece + b"\r\n"
        head = "HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n"
        about = f"Content-Range: bytes {request.first}-{request.last}/{len(request.content)}\r\n\r\n"
        return (head + about).encode() + sent + end, True

    return odd


def early(interim: str) -> Odd:
    """An interim answer, and at once the right one."""
    return lambda request: f"HTTP/1.1 {interim}\r\nLink: </x>\r\n\r\n".encode() + request.part()


def says(text: bytes) -> Odd:
    """Nothing but this, and a hangup."""
    return lambda _: (text, True)


def short(request: Request) -> bytes:
    return request.part(request.content[request.first : request.first + 100])


def lying_length(by: int) -> Odd:
    def odd(request: Request) -> tuple[bytes, bool]:
        length = f"Content-Length: {request.last + 1 - request.first + by}".encode()
        head, _, body = request.part().partition(b"\r\n\r\n")
        lines = [length if line.startswith(b"Content-Length") else line for line in head.split(b"\r\n")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body, by > 0

    return odd


def then_rubbish(request: Request) -> bytes:
    return (
        request.part() + b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\nContent-Range: bytes 0-2/9\r\n\r\nabc"
    )


WHOLE = ("Content-Type: application/octet-stream",)
# What only changes the form, or passes: the file arrives even where every answer is like that.
PASSES: dict[str, Odd] = {
    "100 before it": early("100 Continue"),
    "HTTP/1.0 without a length": lambda it: (
        it.part().replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Content-Length", b"X-Length"),
        True,
    ),
    "a connection that ends after each answer": lambda it: (it.part(), True),
    "a connection that ends after each answer, and says so": lambda it: (it.part(None, "Connection: close"), True),
    "chunks": chunked("{}", "{}", "{}"),
    "chunks without an end": chunked("{}", end=b""),
    "chunks with extensions": chunked("{};x=1", "{} "),
    "a length that is longer": lying_length(7),
    "an unknown total": range_of(0, "*"),
    "more than was asked for": lambda it: it.part(it.content[it.first : it.last + 1] + b"more"),
    "less than was asked for": lambda it: it.part(it.content[it.first : it.first + 40_000]),
    "the whole file, and no ranges": lambda it: answer("200 OK", "Accept-Ranges: none", *WHOLE, body=it.content),
    "the whole file without a length": lambda it: (b"HTTP/1.0 200 OK\r\n\r\n" + it.content, True),
    "identity as a coding": lambda it: it.part(None, "Content-Encoding: identity"),
    "aws-chunked as a coding, which S3 keeps of an upload": lambda it: it.part(None, "Content-Encoding: aws-chunked"),
    "two lengths": lambda it: it.part(None, f"Content-Length: {it.last + 1 - it.first}"),
    "an ETag that is another each time": lambda it: it.part(None, f'ETag: "{it.first}"'),
}
# What is no file: once it costs a try, always it ends with 69 and these words.
FAILS: dict[str, tuple[Odd, str]] = {
    "gzip": (compressed("gzip"), "the bytes came compressed (gzip), which nobody asked for"),
    "x-gzip": (compressed("X-GZIP"), "came compressed (GZIP)"),
    "brotli": (compressed("br"), "came compressed (br)"),
    "zstd of the whole file": (compressed("zstd", whole=True), "came compressed (zstd)"),
    "gzip of the whole file": (compressed("gzip, identity", whole=True), "came compressed (gzip)"),
    "several parts": (in_parts, "came in several parts (multipart)"),
    "several parts with a range": (in_parts_with_range, "came in several parts (multipart)"),
    "early hints": (early("103 Early Hints"), "HTTP 103"),
    "processing": (early("102 Processing"), "HTTP 102"),
    "other bytes than asked for": (range_of(9), "the answer is about others"),
    "a few bytes of them": (short, "the body ended early"),
    "no bytes": (lambda it: it.part(b""), "the body ended early"),
    "a range in another unit": (unlike("206 Partial Content", "Content-Range: items 0-5/9"), "no Content-Range"),
    "a range of signs": (unlike("206 Partial Content", "Content-Range: bytes \x1b[31m"), "no Content-Range"),
    "a redirect": (unlike("302 Found", "Location: /elsewhere", "Content-Length: 0", body=b""), "HTTP 302"),
    "nothing new": (unlike("304 Not Modified", body=b""), "HTTP 304"),
    "no content": (unlike("204 No Content", body=b""), "HTTP 204"),
    "a status that is none": (unlike("999 Request Denied", "Content-Length: 0", body=b""), "HTTP 999"),
    "a status of five digits": (unlike("20006 OK", body=b""), "20006"),
    "no status": (says(b"\x15\x03\x01\x00\x02\x02\n"), "the answer is no HTTP (\\x15"),
    "HTTP/2": (says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "the answer is no HTTP (PRI"),
    "a hangup": (says(b""), "gave up after 4 attempts"),
    "half a head": (says(b"HTTP/1.1 206 Partial Content\r\nContent-Le"), "gave up after 4 attempts"),
    "a head of 70 KB": (lambda it: (it.part(None, f"X: {'y' * 70_000}"), True), "gave up after 4 attempts"),
    "two hundred headers": (lambda it: (it.part(None, *["X: y"] * 200), True), "more than 100 headers"),
    "a chunk of letters": (chunked("quite a few"), "gave up after 4 attempts"),
}


@pytest.mark.parametrize("odd", PASSES.values(), ids=PASSES)
def test_another_form_of_the_right_bytes_is_as_good(bench: Bench, raw: RawHub, odd: Odd) -> None:
    raw.odd = odd
    bench.manifest["attempts"] = 8

    assert bench.here() == (0, "")

    assert bench.blob().read_bytes() == CONTENT
    assert bench.gate()[0] == 0


@pytest.mark.parametrize("odd", [odd for odd, _ in FAILS.values()], ids=FAILS)
def test_what_is_no_file_costs_a_try_when_it_comes_once(bench: Bench, raw: RawHub, odd: Odd) -> None:
    raw.odd, raw.times = odd, 1
    bench.manifest["attempts"] = 8

    assert bench.here() == (0, "")

    assert bench.blob().read_bytes() == CONTENT


@pytest.mark.parametrize(("odd", "words"), FAILS.values(), ids=FAILS)
def test_what_is_never_a_file_ends_with_what_came_and_may_be_tried_again(
    bench: Bench, raw: RawHub, odd: Odd, words: str
) -> None:
    raw.odd = odd

    code, said = bench.here()

    assert (code, words in said) == (69, True), said
    assert said.isprintable()
    assert len(said) < 700
    assert not (bench.generation / "READY.json").exists()
    raw.times = 0
    assert bench.here() == (0, ""), "and the next run goes on"
    assert bench.blob().read_bytes() == CONTENT


@pytest.mark.parametrize(
    "sent", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"\0", None], ids=["an answer", "a byte", "its end"]
)
def test_a_connection_on_which_something_came_since_its_last_answer_is_not_asked_again(sent: bytes | None) -> None:
    lines = list[socket.socket]()

    def opened(*_: object) -> tuple[http.client.HTTPConnection, str]:
        ours, theirs = socket.socketpair()
        connection = http.client.HTTPConnection("there")
        connection.sock = ours
        theirs.sendall(answer("206 Partial Content", "Content-Range: bytes 0-3/4", body=b"good"))
        lines.append(theirs)
        return connection, ""

    wire = Wire(600, 1, opened)
    for number in (1, 2):
        with wire.get("http://there/x", {}) as found:
            assert found.read(4) == b"good"
        assert len(lines) == number
        if sent:
            lines[-1].sendall(sent)
        else:
            lines[-1].shutdown(socket.SHUT_RDWR)
    for line in lines:
        line.close()


def test_what_comes_after_the_answer_to_the_probe_is_no_answer(bench: Bench, raw: RawHub) -> None:
    """It says that the file has nine bytes, and a fetch that believed it would end for good."""
    raw.only = lambda request: request.path.startswith("/storage") and not request.is_for_bytes
    raw.odd = then_rubbish
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == CONTENT


def test_a_file_that_changes_at_the_hub_in_the_middle_is_fetched_once_more(bench: Bench, raw: RawHub) -> None:
    raw.odd = lambda it: it.part(bytes(it.last + 1 - it.first), 'ETag: "another"')
    raw.times = 2
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == CONTENT


@pytest.mark.parametrize("size", ["-5", "0x10", "1_0", "+7", "ffffffffffffffffffff", ""])
def test_a_chunk_of_an_odd_size_may_cost_tries_and_never_brings_a_wrong_byte(
    bench: Bench, raw: RawHub, size: str
) -> None:
    raw.odd = chunked(size)
    code, said = bench.here()
    assert code in (0, 65, 69), said
    assert code or bench.blob().read_bytes() == CONTENT
    raw.times = 0
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == CONTENT
