"""What may be asked over HTTP, and what may be a token: the rest is refused before it is sent, and never quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.text.secret import flaw
from plan.text.url import parse_url
from pods.core import bearer


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080", "/v1"),
        ("https://huggingface.co", "https://huggingface.co", ""),
        ("HTTPS://Hub.Example/A", "https://hub.example", "/A"),
        ("http://[::1]:80/", "http://[::1]:80", "/"),
        ("http://[2001:DB8::1]", "http://[2001:db8::1]", ""),
        ("http://prometheus", "http://prometheus", ""),
        ("http://prom_1.svc.cluster.local.:9090/x", "http://prom_1.svc.cluster.local.:9090", "/x"),
        ("http://h/a@b/c", "http://h", "/a@b/c"),
        ("http://h/?token=s3cret", "http://h", "/"),
    ],
)
def test_a_url_is_taken_apart(text: str, origin: str, path: str) -> None:
    url = parse_url(text)

    assert (url.origin, url.path) == (origin, path)
    assert url.text.lower() == text.lower()
    assert "s3cret" not in url.place


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("http://a..b", "with one dot between them"),
        ("http://.a", "with one dot between them"),
        ("http://", "with one dot between them"),
        ("http://-a", "with one dot between them"),
        ("http://" + "a" * 64, "with one dot between them"),
        ("http://" + ".".join(["a" * 60] * 5), "with one dot between them"),
        ("http://a%00b", "with one dot between them"),
        ("http://1.2.3.256", "IPv4"),
        ("http://1.2.3", "IPv4"),
        ("http://[::1", "stands in brackets"),
        ("http://[::g]", "not an IPv6 address"),
        ("http://[]", "not an IPv6 address"),
        ("http://[::1]x", "a number from 1 to 65535"),
        ("http://h:0", "a number from 1 to 65535"),
        ("http://h:65536", "a number from 1 to 65535"),
        ("http://h:", "a number from 1 to 65535"),
        ("http://h:80:80", "a number from 1 to 65535"),
        ("http://h:8²", "visible ASCII"),
        ("http://h\n", "visible ASCII"),
        (" http://h", "visible ASCII"),
        ("http://hüb", "visible ASCII"),
        ("http://h/\x1b[1m", "visible ASCII"),
        ("ftp://h", "begins with http:// or https://"),
        ("h:8080", "begins with http:// or https://"),
        ("", "begins with http:// or https://"),
        ("http:/h", "begins with http:// or https://"),
        ("http://h/#x", "has no #"),
        ("http://h/" + "x" * 5000, "at most 4096"),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_a8_what_is_no_url_is_refused_in_words(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as error:
        parse_url(text)

    assert len(text) < 10 or text not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://user:pw-secret@host",
        "http://user:pw-secret@[::1",
        "http://pw-secret@host",
        "http://user:pw-secret@",
        "http://@pw-secret",
        "http://user:pw-secret@a..b",
        "http://user:pw-sec/ret@host",
        "http://user:pw-secret@host:99999",
        "user:pw-secret@host",
    ],
)
def test_b2_a_user_or_a_password_is_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse_url(text)

    assert "pw-sec" not in str(error.value)


@given(st.text(max_size=40))
def test_a8_any_text_is_a_url_or_refused_in_words(text: str) -> None:
    for candidate in (text, f"http://{text}"):
        try:
            url = parse_url(candidate)
        except ValueError as error:
            refusal: type | None = type(error)
        else:
            refusal = None
            assert parse_url(url.text) == url
        assert refusal in (None, ValueError)


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_b1_plan_and_pods_say_the_same_of_a_token(text: str) -> None:
    assert flaw(text) == bearer.flaw(text)
    assert not flaw(text) or not any(len(part) > 12 and part in flaw(text) for part in text.split())
