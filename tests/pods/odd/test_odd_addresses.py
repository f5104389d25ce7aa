"""Where a hub sends a fetch: followed where that is an address of a web server, else an end with words."""

import re
import socket
from typing import Any

import pytest

from pods.fetch.hub import LONGEST_PAUSE_S, asked_pause_s
from tests.pods.bench import SECRET, Bench
from tests.pods.odd.conftest import CONTENT, name
from tests.pods.odd.raw_hub import RawHub, Request, answer
from tests.serving import serving


def leads_to(raw: RawHub, *locations: str, status: str = "302 Found") -> None:
    """The file's own address redirects there."""
    raw.only = lambda request: "/resolve/" in request.path
    raw.odd = lambda _: answer(status, *(f"Location: {location}" for location in locations))


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("file:///etc/passwd", "is no address of a web server"),
        ("ftp://127.0.0.1/x", "is no address of a web server"),
        ("gopher://x", "is no address of a web server"),
        ("data:,x", "is no address of a web server"),
        ("http://[::1", "redirected to what is no address of a web server"),
        ("http://[not:an:address]/x", "no address of a web server"),
        ("http://127.0.0.1:99999/x", "is no address of a web server"),
        ("http://127.0.0.1:port/x", "is no address of a web server"),
        ("http://a..b/x", "is no address of a web server"),
        (f"http://{'a' * 70}/x", "is no address of a web server"),
        (f"http://someone:{SECRET}@[::1/x", "no address of a web server"),
        (f"ftp://someone:{SECRET}@127.0.0.1/x?token={SECRET}", "is no address of a web server"),
        ("", "too many redirects"),
        ("?", "too many redirects"),
    ],
)
def test_a_redirect_to_what_is_no_web_server_ends_in_words(
    bench: Bench, raw: RawHub, location: str, words: str
) -> None:
    leads_to(raw, location)

    code, said = bench.here()

    assert (code, words in said) == (69, True), said
    assert SECRET not in said
    assert said.isprintable()
    assert len(said) < 600


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize(
    "location",
    [
        "/storage/é",
        "storage/../../../storage/x",
        "/storage/\x7f\x01",
        "/storage/a b",
        "//{host}/storage/1",
        "http://{host}/storage/?a=%zz&b=\udcff",
    ],
)
def test_an_odd_address_of_a_web_server_is_followed(bench: Bench, raw: RawHub, status: str, location: str) -> None:
    leads_to(raw, location.format(host=raw.endpoint[7:]), status=status)
    if "../" in location:
        raw.only = lambda request: not request.path.startswith("/storage")
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == CONTENT


def test_a_user_in_a_redirect_is_no_part_of_the_request_and_never_shown(bench: Bench, raw: RawHub) -> None:
    leads_to(raw, f"http://someone:{SECRET}@{raw.endpoint[7:]}/storage/1?sig={SECRET}")
    code, printed = bench.fetch()
    assert code == 0, printed
    assert not [it for it in raw.asked if "someone" in it.head]


@pytest.mark.parametrize("hops", [5, 30])
def test_five_redirects_are_followed_and_thirty_are_not(bench: Bench, raw: RawHub, hops: int) -> None:
    raw.only = lambda request: not request.path.startswith("/storage")

    def onward(request: Request) -> bytes:
        at = int((re.findall(r"^/hop/(\d+)", request.path) or [0])[0])
        return answer("302 Found", f"Location: /hop/{at + 1}" if at + 1 < hops else "Location: /storage/1")

    raw.odd = onward
    code, said = bench.here()
    assert (code, "too many redirects" in said) == ((0, False) if hops == 5 else (69, True)), said
    assert len([it for it in raw.asked if "/hop/" in it.path]) < 7


def test_a_circle_of_redirects_ends(bench: Bench, raw: RawHub) -> None:
    raw.only = lambda _: True
    raw.odd = lambda it: answer("302 Found", f"Location: /{'b' if it.path == '/a' else 'a'}")
    code, said = bench.here()
    assert (code, "too many redirects" in said, len(raw.asked)) == (69, True, 6)


def test_a_hub_that_begins_to_redirect_in_the_middle_is_asked_where_to(bench: Bench, raw: RawHub) -> None:
    direct = iter(range(3))  # the probe and two requests are answered at the file's own address

    def begins(request: Request) -> bytes | None:
        return request.part() if next(direct, None) is not None else None

    raw.only = lambda request: "/resolve/" in request.path
    raw.odd = begins
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == CONTENT
    assert raw.addresses > 3


def test_a_hub_at_an_address_of_ipv6_is_asked_like_any_other(bench: Bench) -> None:
    try:
        hub = RawHub(CONTENT, socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(hub):
        name(bench, hub)
        assert bench.here() == (0, "")
        assert f"Host: {hub.endpoint[7:]}" in hub.asked[0].head


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "1000000000"}, LONGEST_PAUSE_S, None),
        ({"Retry-After": "9" * 5000}, LONGEST_PAUSE_S, None),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_PAUSE_S, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, None, 0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, None, 0),
        ({"Retry-After": "0"}, 0, 0),
        *(
            ({"Retry-After": odd}, None, None)
            for odd in ("-5", "1e9", "²", "soon", "", "nan", "Fri, 99 Foo 2026", "1;1")
        ),
        ({"Retry-After": "soon", "RateLimit": '"api";r=0;t=7'}, 7, 7),
    ],
)
def test_a_pause_that_is_asked_for_is_a_number_or_none(
    headers: dict[str, str], least: float | None, most: float | None
) -> None:
    """`persist` takes at most LONGEST_PAUSE_S of it, and at least 0."""
    found: Any = asked_pause_s(headers)
    if least is most is None:
        assert found is None
    else:
        assert least is None or found >= least
        assert most is None or found <= most
