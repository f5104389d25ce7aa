"""No secret is in anything that any command prints, however it fails."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from tests.ops.inside import SECRET, Inside
from tests.ops.lock.test_odd_hub import STACK
from tests.ops.odd_server import OddServer, answering

FLAWS = ["", " ", "\n", "\r\n", "\0", "é", "\udc80", "\x1b[1m", "\u200b"]
PAGES = [f"<html>{SECRET}".encode(), json.dumps({"error": f"Bearer {SECRET}"}).encode(), b"[" * 20000]
COMMANDS = {
    "lock": ("lock", "--stack", "a"),
    "fit": ("fit", "--gguf", "{url}/org/x/resolve/main/a.gguf", "--context", "64"),
    "verify": ("verify", "--url", "{url}"),
    "calibrate": ("calibrate", "--stack", "t4", "--prometheus", "{url}"),
}


@pytest.fixture(params=[200, 206, 302, 401, 403, 404, 500])
def server(request: pytest.FixtureRequest) -> Iterator[OddServer]:
    with answering(b"", request.param, Location="http://127.0.0.1:1/moved", Content_Range="bytes 0-9/10") as odd:
        yield odd


def prepared(inside: Inside, endpoint: str, token: str) -> None:
    (inside.directory / "Pulumi.a.yaml").write_text(STACK.replace("      a:", "      b:"))
    inside.hub(endpoint)
    for name in ("HF_TOKEN", "LOCAL_LLM_API_KEY"):
        if "\0" not in token:  # no environment holds one
            inside.patch.setenv(name, token)


@pytest.mark.parametrize("command", COMMANDS)
def test_b1_no_token_is_printed_whatever_is_wrong_with_it_and_with_the_answer(
    inside: Inside, server: OddServer, command: str
) -> None:
    for flaw in FLAWS:
        prepared(inside, server.url, SECRET + flaw)
        for page in PAGES:
            # Prometheus is sent no token, so there it is a word like any other.
            server.bodies[""] = page.replace(SECRET.encode(), b"x") if command == "calibrate" else page
            inside.run(*(it.format(url=server.url) for it in COMMANDS[command]))  # asserts that the secret is not there

    assert len(inside.said) == len(FLAWS) * len(PAGES)


@pytest.mark.parametrize("command", ["lock", "fit"])
@pytest.mark.parametrize("flaw", [" ", "\n", "\r\n", "\t", "é", "\x7f"], ids=ascii)
def test_b1_a_token_that_cannot_be_a_header_is_refused_before_the_hub_is_asked(
    inside: Inside, command: str, flaw: str
) -> None:
    with answering(b"{}") as hub:
        prepared(inside, hub.url, SECRET + flaw)
        printed = inside.run(*(it.format(url=hub.url) for it in COMMANDS[command]))

    assert "$HF_TOKEN has a" in printed
    assert "at its end, so it is not sent" in printed
    assert hub.asked == []


@pytest.mark.parametrize("command", ["lock", "fit"])
@pytest.mark.parametrize(
    "endpoint",
    [f"http://user:{SECRET}@127.0.0.1:1", f"http://user:{SECRET}@[::1", f"http://{SECRET}@h", f"user:{SECRET}@h",
     f"http://h\n{SECRET}", f"ftp://user:{SECRET}@h"],
    ids=ascii,
)  # fmt: skip
def test_b2_a_password_in_hf_endpoint_is_refused_and_not_repeated(inside: Inside, command: str, endpoint: str) -> None:
    prepared(inside, endpoint, "")

    printed = inside.run(*(it.format(url="http://127.0.0.1:1") for it in COMMANDS[command]))

    assert "HF_ENDPOINT is not usable" in printed


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("proxy", [f"http://user:{SECRET}@127.0.0.1:1", f"gopher://{SECRET}@h", f"http://[{SECRET}"])
def test_b2_a_password_of_a_proxy_is_not_printed(inside: Inside, command: str, proxy: str) -> None:
    prepared(inside, "http://hub.example", "")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        inside.patch.setenv(name, proxy)

    inside.run(*(it.format(url="http://hub.example") for it in COMMANDS[command]))


def test_b1_a_librarys_own_words_would_have_a_token_in_them() -> None:
    """Why `reason` does not repeat them."""
    with pytest.raises(httpx2.HTTPError) as refused:
        httpx2.get("http://127.0.0.1:1", headers={"Authorization": f"Bearer {SECRET}\n"})

    assert SECRET in str(refused.value) or "refused" in str(refused.value)
