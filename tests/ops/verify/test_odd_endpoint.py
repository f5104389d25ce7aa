"""An endpoint that answers with nonsense or with names that act on a terminal; URLs and keys that cannot be used."""

import json
from typing import Any

import pytest

from tests.ops.inside import SECRET, Inside
from tests.ops.odd_server import answering


def models(*ids: Any) -> bytes:
    return json.dumps({"data": [{"id": it} for it in ids]}).encode()


def reply(**changed: Any) -> bytes:
    choice = {"message": {"content": "Paris. 1, 2, 3"}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": {"completion_tokens": 20}, **changed}).encode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Sign in</html>", "this is not JSON"),
        (b"null", "it is a single value, not an object"),
        (b"[]", "it is a list, not an object"),
        (b"{}", "data: the key is missing"),
        (b'{"data": null}', "data: got nothing"),
        (b'{"data": [5]}', "data.0: got 5"),
        (b'{"data": [{"id": ["\\u001b[1m"]}]}', r"data.0.id: got ['\x1b[1m']"),
        (b'{"data": ' + b"[" * 20000, "nested more than 64 levels deep"),
        (b'{"data": [], "data": []}', "the key 'data' is there twice"),
        (b'{"data": "\xe9"}', "byte 0xe9 of it is not UTF-8"),
        (b'{"data": ' + b"7" * 400 + b"}", "more than 64 digits"),
        (b"", "this is not JSON"),
    ],
    ids=lambda it: repr(it)[:30],
)
def test_a7_an_odd_list_of_models_is_a_sentence(inside: Inside, body: bytes, said: str) -> None:
    with answering(body) as endpoint:
        printed = inside.run("verify", "--url", endpoint.url, code=1)

    assert f"{endpoint.url}/v1/models is not a list of models" in printed
    assert said in printed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "an answer that is not a completion"),
        (b"null", "it is a single value, not an object"),
        (b'{"choices": null}', "choices: got nothing"),
        (b'{"choices": []}', "an answer without choices"),
        (b'{"choices": [{"message": {"content": ' + b"[" * 20000, "nested more than 64 levels deep"),
        (reply(timings={"predicted_n": 9, "predicted_per_second": float("nan")}), "NaN is not a number"),
        (reply(choices=[{"message": {"content": "\x1b[31m[/red]\ud800"}, "finish_reason": "x\x1b[1m"}]), "[/red]"),
    ],
    ids=lambda it: repr(it)[:30],
)
def test_a7_an_odd_answer_is_a_sentence(inside: Inside, body: bytes, said: str) -> None:
    with answering({"": body, "/v1/models": models("a")}) as endpoint:
        assert said in inside.run("verify", "--url", endpoint.url, code=1)


NAMES = ["[/red]", "[red]x", "a\x1b[31mb", "\ud800", "a\u202eb", "x\u200by", "a\nb", "\x9b1m", ":smile:", "x" * 5000]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a6_a_models_name_is_printed_escaped_and_as_text(inside: Inside, name: str) -> None:
    with answering({"": reply(), "/v1/models": models(name)}) as endpoint:
        printed = inside.run("verify", "--url", endpoint.url, code=0)

    assert repr(name)[1:-1][:100] in printed


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a6_what_a_refusal_says_is_printed_escaped(inside: Inside, name: str) -> None:
    with answering({"": json.dumps({"error": name}).encode()}, 500) as endpoint:
        assert "HTTP 500" in inside.run("verify", "--url", endpoint.url, code=1)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://a..b", "with one dot between them"),
        ("http://[::1", "stands in brackets"),
        ("http://[::1]:x", "a port is a number"),
        ("http://host:99999", "a port is a number"),
        ("http://", "with one dot between them"),
        ("127.0.0.1:8080", "begins with http:// or https://"),
        ("file:///etc/passwd", "begins with http:// or https://"),
        ("http://h\x1b[1m", "argument 3 has a sign that acts on a terminal"),
        ("http://h\\x", "with one dot between them"),
        ("", "begins with http:// or https://"),
    ],
    ids=ascii,
)
def test_a8_what_is_no_url_is_refused_in_words(inside: Inside, url: str, said: str) -> None:
    assert said in inside.run("verify", "--url", url, code=1)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--timeout", it) for it in ("1e10", "nan", "inf", "0", "-1", "1e400", "x")]
    + [("--min-tokens-s", it) for it in ("nan", "inf", "-1", "1e300")],
)  # fmt: skip
def test_a8_a_number_that_no_clock_takes_is_refused(inside: Inside, option: str, value: str) -> None:
    printed = inside.run("verify", "--url", "http://127.0.0.1:1", f"{option}={value}", code=2)

    assert "Invalid value" in printed


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://user:{SECRET}@127.0.0.1:1", "no user and no password"),
        (f"http://{SECRET}@127.0.0.1:1", "no user and no password"),
        (f"http://user:{SECRET}@[::1", "no user and no password"),
        (f"http://user:{SECRET}@a..b/v1", "no user and no password"),
        (f"http://user:{SECRET}/x@127.0.0.1", "a port is a number"),
        (f"user:{SECRET}@127.0.0.1:1", "begins with http"),
        (f"http://user:{SECRET} x@127.0.0.1:1", "visible ASCII"),
        (f"http://127.0.0.1:1/?key={SECRET}", "does not answer"),
    ],
)
def test_b2_a_password_in_the_url_is_refused_and_not_repeated(inside: Inside, url: str, said: str) -> None:
    assert said in inside.run("verify", "--url", url, code=1)


FLAWS = {
    " ": "a space at its end",
    "\n": "a line break at its end",
    "\r\n": "a line break at its end",
    "\t": "a tab at its end",
    "é": "a character beyond ASCII at its end",
    "\x7f": "a control character at its end",
    "\udcff": "a character beyond ASCII at its end",
}


@pytest.mark.parametrize("flaw", FLAWS, ids=ascii)
def test_b1_a_key_that_cannot_be_a_header_is_refused_before_anything_is_asked(inside: Inside, flaw: str) -> None:
    inside.patch.setenv("LOCAL_LLM_API_KEY", SECRET + flaw)
    with answering(models("a")) as endpoint:
        printed = inside.run("verify", "--url", endpoint.url, code=1)

    assert f"$LOCAL_LLM_API_KEY has {FLAWS[flaw]}, so it is not sent" in printed
    assert endpoint.asked == []


@pytest.mark.parametrize("name", [f"sk-{SECRET}", f"{SECRET} ", "a=b", "", "9x", f"x\x1b{SECRET}"], ids=ascii)
def test_b1_a_key_in_place_of_its_variable_is_refused_and_not_repeated(inside: Inside, name: str) -> None:
    printed = inside.run("verify", "--url", "http://127.0.0.1:1", "--key-env", name, code=1)

    assert ("argument 5 has a sign" if "\x1b" in name else "--key-env is the name of a variable") in printed


def test_b1_a_key_that_an_answer_repeats_is_not_printed(inside: Inside) -> None:
    inside.patch.setenv("LOCAL_LLM_API_KEY", SECRET)
    with answering(f"no: {SECRET}".encode(), 401) as endpoint:
        printed = inside.run("verify", "--url", endpoint.url, code=1)

    assert "the key in $LOCAL_LLM_API_KEY is refused" in printed
    assert endpoint.asked[0]["Authorization"] == f"Bearer {SECRET}"
