"""What comes from outside is shown: escaped, cut before it is formatted, and without a password."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.base.errors import ConfigError, FixableError
from plan.text.show import lines, plain, show, words

CYCLE: list[Any] = [1]
CYCLE.append(CYCLE)
DEEP: Any = []
for _ in range(100000):
    DEEP = [DEEP]
ROUND: dict[str, Any] = {}
ROUND["a"] = {"b": ROUND}
TREE: Any = ["x"] * 10
for _ in range(30):
    TREE = [TREE] * 10


LARGE: dict[str, Any] = {
    "a list within itself": CYCLE,
    "a mapping within itself": ROUND,
    "100000 levels": DEEP,
    "10^30 texts": TREE,
    "a long text": "x" * 10**7,
    "a long key": {"k" * 10**7: 1},
    "a long list": [None] * 10**6,
    "5000 digits": 10**5000,
}


@pytest.mark.parametrize("name", LARGE)
def test_a5_however_large_a_value_is_no_more_is_looked_at_than_is_shown(name: str) -> None:
    value = LARGE[name]
    begun = time.process_time()

    text = show(value)
    error = str(ConfigError("key", value, "Rule."))

    assert time.process_time() - begun < 1
    assert len(text) <= 80
    assert text in error


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        ("", "''"),
        ("a", "'a'"),
        (5, "5"),
        (-0.5, "-0.5"),
        (True, "True"),
        ({"a": [1, "b", None], "c": {}}, "{'a': [1, 'b', None], 'c': {}}"),
        ((1,), "(1,)"),
        ((1, 2), "(1, 2)"),
        ([[]], "[[]]"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("a\nb\tc\0", r"'a\nb\tc\x00'"),
        ("\u202eabc\u2066", r"'\u202eabc\u2066'"),
        ("a\u200bb\ufeff\u00ad", r"'a\u200bb\ufeff\xad'"),
        ("\ud800", r"'\ud800'"),
        ("a\x9b31m", r"'a\x9b31m'"),
        ("[/red]", "'[/red]'"),
        (object, "a type"),
        (10**70, "a number of 69 digits"),
    ],
)
def test_a6_a_value_is_shown_as_python_writes_it(value: Any, text: str) -> None:
    assert show(value) == text


def test_a_long_value_is_cut() -> None:
    assert show("x" * 100) == f"'{'x' * 76}..."
    assert show("x" * 78) == f"'{'x' * 78}'"
    assert plain("x" * 300) == f"{'x' * 197}..."


@given(st.text(st.characters(exclude_categories=()), max_size=50))
def test_a6_nothing_that_acts_or_hides_is_in_what_is_shown(text: str) -> None:
    shown = [show(text), plain(text), words(text), *lines(text).split("\n"), *str(FixableError(text, text)).split("\n")]

    assert all(line.isprintable() for line in shown)
    for line in shown:
        line.encode()


SECRETS = [
    "http://user:pw-secret@host",
    "http://user:pw-secret@[::1",
    "http:/user:pw-secret@host/x",
    "there is no directory http:/user:pw-secret@[::1",
    "https://pw-secret@hub.example/models",
    "http://user:pw-sec/ret@host",
    "HTTP://user:pw-secret@host:80/x?y=1",
    "socks5://user:pw-secret@host",
    "user:pw-secret@host",
    "http://user:pw-secret@host@host2",
    "http://user:" + "x" * 90 + "pw-secret@host",
    "http://user:pw-secret" + "x" * 90 + "@host",
    "user:pw-secret@ghcr.io/a/b:v1@sha256:00",
    "https://hub.example/?x=1&access_token=pw-secret",
    "https://hub.example/a?X-Amz-Signature=pw-secret&b=1",
    "https://hub.example/?API_KEY=pw-secret",
    "hf_pw-secret",
    "sk-pw-secret",
    "github_pat_pw-secret",
]


@pytest.mark.parametrize("url", SECRETS)
def test_b2_a_password_in_a_url_is_never_shown(url: str) -> None:
    shown = [
        show(url),
        plain(url),
        show({"endpoint": [url]}),
        str(ConfigError("fetch.endpoint", url, "Rule.")),
        str(ConfigError("fetch", {"endpoint": url}, "Rule.")),
        *([lines(f"--url {url} is not usable: rule")] if "://" in url else []),
        *([str(FixableError(f"{url} is not usable", "correct it"))] if "://" in url else []),
    ]

    assert not [text for text in shown if "pw-sec" in text or "ret@" in text]


SECRET_BY_NAME: dict[str, tuple[str, Any]] = {
    "an unknown key": ("fetch.token", "pw-secret"),
    "a token in the place of a Secret's name": ("fetch.token_secret", "pw-secret"),
    "a flag": ("models.a.args.api-key", "pw-secret"),
    "a password": ("fetch.proxy_password", "pw-secret"),
    "flags as a list": ("models.a.args", ["--api-key", "pw-secret", "--temp", "0"]),
    "a mapping": ("fetch", {"token": "pw-secret", "slots": 2}),
    "a mapping in a list": ("models", [{"apikey": "pw-secret"}]),
}


@pytest.mark.parametrize("name", SECRET_BY_NAME)
def test_b2_what_stands_at_the_name_of_a_secret_is_never_shown(name: str) -> None:
    key, value = SECRET_BY_NAME[name]

    assert "pw-sec" not in str(ConfigError(key, value, "Rule."))
    assert "8192" in str(ConfigError("models.a.request_tokens", "8192", "Rule.")), "tokens that are counted are none"


def test_a6_of_a_line_that_is_too_long_both_ends_are_shown() -> None:
    text = lines("begins " + "x" * 10**6 + " field is immutable")

    assert text.startswith("begins xxx")
    assert text.endswith("xxx field is immutable")
    assert len(text) <= 4000


@pytest.mark.parametrize(
    "text",
    ["ghcr.io/a/b:v1@sha256:00", "b:v1@sha256:00", "https://hub.example/a/b", "me@host", "a: b@c", "kubectl -n x get"],
)
def test_b2_what_has_no_password_stays_as_it_is(text: str) -> None:
    assert plain(text) == text
    assert lines(text) == text
