"""D12: what the environment of a person says of the network, and what of it cannot be used."""

import os
from pathlib import Path

import pytest

from ops.base import network
from ops.base.errors import unreachable
from ops.base.network import NetworkError
from tests.pods.egress import authority

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing of the network, and is put back afterwards."""
    kept = {name: value for name, value in os.environ.items() if name.upper() not in NAMES}
    monkeypatch.setattr(os, "environ", kept)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "socks5://someone:secret@p:1080"),
        ("https_proxy", "http://secret@p:port"),
        ("ALL_PROXY", "socks4://p:1080"),
        ("all_proxy", "ftp://p:21"),
        ("HTTP_PROXY", "http://[::1"),
        ("HTTP_PROXY", "http://"),
        ("HTTP_PROXY", "http://p:99999"),
        ("HTTP_PROXY", "http://p:0"),
    ],
)
def test_d12_a_proxy_that_is_none_is_refused_without_a_word_of_it(name: str, value: str) -> None:
    os.environ[name] = value

    with pytest.raises(NetworkError) as caught:
        network.settle()

    assert f"{name.upper()} is not the address of an HTTP proxy" in str(caught.value)
    assert f"unset {name.upper()}" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", [PROXY, "proxy.example:3128", "https://p.example", "http://u:p%40@[fd00::1]:80/"])
def test_d12_a_proxy_leaves_out_this_machine(value: str) -> None:
    os.environ |= {"HTTPS_PROXY": value, "NO_PROXY": "hub.example,10.0.0.0/8"}

    network.settle()
    network.settle()

    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "hub.example,10.0.0.0/8,localhost,127.0.0.0/8,::1"


def test_an_environment_without_a_network_of_its_own_stays_as_it_is() -> None:
    before = dict(os.environ)

    network.settle()

    assert dict(os.environ) == before
    assert network.advice(OSError()) == ""


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_d12_authorities_that_cannot_be_read_are_named(name: str, tmp_path: Path) -> None:
    os.environ[name] = "/nowhere/ca.pem"
    with pytest.raises(NetworkError, match=f"{name} is '/nowhere/ca.pem', which cannot be read"):
        network.settle()
    (empty := tmp_path / "empty.pem").write_text("nothing")
    os.environ[name] = str(empty)
    if name != "SSL_CERT_DIR":
        with pytest.raises(NetworkError, match="which holds no certificate in PEM form"):
            network.settle()


def test_d12_what_requests_trusts_is_trusted_where_nothing_else_is_named(tmp_path: Path) -> None:
    made = authority.make(tmp_path, "hub.test")
    os.environ["REQUESTS_CA_BUNDLE"] = str(made.ca)
    network.settle()
    assert os.environ["SSL_CERT_FILE"] == str(made.ca)
    os.environ |= {"REQUESTS_CA_BUNDLE": "/nowhere"}
    network.settle()
    assert os.environ["SSL_CERT_FILE"] == str(made.ca), "the one that counts"


def test_d12_a_directory_of_authorities_stays_one(tmp_path: Path) -> None:
    os.environ["REQUESTS_CA_BUNDLE"] = str(tmp_path)
    network.settle()
    assert os.environ["SSL_CERT_DIR"] == str(tmp_path)
    assert "SSL_CERT_FILE" not in os.environ


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://hub.example", True),
        ("http://10.1.2.3:8080/hub", True),
        ("http://hub.llm.svc", True),
        ("http://localhost", True),
        ("http://hub.example", False),
        ("HTTP://hub.example", False),
        ("http://hub.example?.svc", False),
        ("http://hub.example#.svc", False),
        ("http://user:pw@hub.example", False),
        ("http://10.1.2.3@hub.example", False),
    ],
)
def test_a_token_goes_unencrypted_only_where_a_stacks_token_does(url: str, *, sent: bool) -> None:
    os.environ["HF_TOKEN"] = "hf_secret"
    if sent:
        return network.require_private(url)
    with pytest.raises(NetworkError, match="anyone on the way reads it"):
        network.require_private(url)
    return None


class ProxyError(Exception):
    """As httpx2's."""


def test_d12_an_unreached_server_is_told_with_the_way_there() -> None:
    os.environ |= {"https_proxy": PROXY}
    said = str(unreachable("hub.example", ProxyError("407 Proxy \x1b[31m"), "check the network"))
    assert said == (
        "hub.example cannot be reached: the proxy answers HTTP 407\n"
        "  next: check the network; correct HTTPS_PROXY, or name the host in NO_PROXY"
    )
    untrusted = OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    assert "SSL_CERT_FILE" in str(unreachable("hub.example", untrusted, "check the network"))
