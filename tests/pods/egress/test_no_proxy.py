"""D12: what is reached without a proxy, as Go reads a NO_PROXY; each line is one destination and one list."""

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from pods.fetch.proxy import Proxies, is_direct
from tests import stacks


@pytest.mark.parametrize(
    ("entries", "host", "port", "direct"),
    [
        # A network.
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.9.9.9/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", 443, True),
        ("10.0.0.0/8", "hub.example", 443, False),
        ("0.0.0.0/0", "8.8.8.8", 443, True),
        ("0.0.0.0/0", "2001:db8::1", 443, False),
        ("fd00::/8", "fd12::1", 443, True),
        ("fd00::/8", "2001:db8::1", 443, False),
        ("10.0.0.0/33", "10.0.0.1", 443, False),
        # A name, and what is below it.
        ("hub.example", "hub.example", 443, True),
        ("hub.example", "cdn.hub.example", 443, True),
        ("hub.example", "myhub.example", 443, False),
        ("hub.example", "HUB.Example.", 443, True),
        (".hub.example", "cdn.hub.example", 443, True),
        (".hub.example", "hub.example", 443, False),
        ("*.hub.example", "cdn.hub.example", 443, True),
        ("*.hub.example", "hub.example", 443, False),
        ("example", "hub.example", 443, True),
        # A port.
        ("hub.example:8443", "hub.example", 8443, True),
        ("hub.example:8443", "hub.example", 443, False),
        ("10.1.2.3:443", "10.1.2.3", 443, True),
        ("10.1.2.3:80", "10.1.2.3", 443, False),
        ("[fd12::1]:443", "fd12::1", 443, True),
        ("[fd12::1]:80", "fd12::1", 443, False),
        # An address.
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3", "10.1.2.30", 443, False),
        ("fd12::1", "fd12:0::1", 443, True),
        ("[fd12::1]", "fd12::1", 443, True),
        # Everything, several, nothing.
        ("*", "hub.example", 443, True),
        ("a.example, 10.0.0.0/8 ,b.example", "10.1.2.3", 443, True),
        ("a.example, 10.0.0.0/8 ,b.example", "x.b.example", 443, True),
        ("", "hub.example", 443, False),
        (",,", "hub.example", 443, False),
        (":443", "hub.example", 443, False),
        (".", "hub.example", 443, False),
        # A machine's own.
        ("", "localhost", 443, True),
        ("", "127.0.0.53", 443, True),
        ("", "::1", 443, True),
    ],
)
def test_d12_a_destination_is_reached_directly_where_an_entry_stands_for_it(
    entries: str, host: str, port: int, direct: bool
) -> None:
    assert is_direct(host, port, entries.split(",")) is direct


@given(st.ip_addresses(), st.integers(0, 32), st.randoms(use_true_random=False))
def test_a_network_stands_for_each_of_its_addresses(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int, chance: random.Random
) -> None:
    network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
    inside = network[chance.randrange(min(network.num_addresses, 2**32))]
    if getattr(inside, "ipv4_mapped", None) is None:
        assert is_direct(str(inside), 443, [str(network)])


@given(st.lists(st.text(), max_size=3), st.text(), st.integers(1, 65535))
def test_whatever_is_in_a_list_it_is_read(entries: list[str], host: str, port: int) -> None:
    assert is_direct(host, port, entries) in (True, False)


@given(st.text(alphabet="abz019.:/*[]-_", max_size=12), st.sampled_from(["a.b", "10.0.0.1", "fd00::1"]))
def test_an_entry_that_a_stack_may_have_means_something_to_the_pod(entry: str, host: str) -> None:
    """plan/ refuses what could stand for no destination at all; the rest the pod reads."""
    raw = {**stacks.raw("t4")["fetch"], "proxy": "http://p.example:3128", "no_proxy": [entry]}
    try:
        (kept,) = config.Fetch.model_validate(raw).no_proxy or ()
    except ValueError:
        return
    assert kept == entry
    assert is_direct(host, 443, [entry]) in (True, False)


def test_what_the_stack_says_replaces_the_environment_of_the_image() -> None:
    ambient = {"HTTPS_PROXY": "http://old.example:1", "NO_PROXY": "hub.example"}

    def via(proxy: str, no_proxy: list[str] | None) -> str | None:
        found = Proxies(proxy, no_proxy, ambient).of("https", "hub.example", 443)
        return found and found.place

    assert via("", None) is None, "the environment's own exception"
    assert via("http://new.example:2", None) == "new.example:2"
    assert via("http://new.example:2", ["hub.example"]) is None
    assert via("", []) is None
    assert Proxies("", ["*"], ambient).of("https", "other.example", 443) is None
    assert Proxies("", None, ambient).of("https", "other.example", 443) is not None


@pytest.mark.parametrize(
    ("value", "place", "authorized"),
    [
        ("http://p.example:3128", "p.example:3128", False),
        ("http://p.example:3128/", "p.example:3128", False),
        ("p.example:3128", "p.example:3128", False),
        ("http://p.example", "p.example:80", False),
        ("http://u:p%40w@p.example:3128", "p.example:3128", True),
        ("http://[fd00::1]:3128", "[fd00::1]:3128", False),
    ],
)
def test_a_proxy_in_the_environment_is_read_as_others_read_it(value: str, place: str, authorized: bool) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        found = Proxies("", None, {name: value}).of("https", "hub.example", 443)
        assert found
        assert (found.place, found.authorization) == (place, "Basic dTpwQHc=" if authorized else "")
    assert Proxies("", None, {"HTTPS_PROXY": value}).of("http", "hub.example", 80) is None


def test_a_refused_stack_is_told_in_words() -> None:
    raw = stacks.raw("t4")
    raw["fetch"]["no_proxy"] = ["10.0.0.0/40"]
    with pytest.raises(ConfigError, match=r"no_proxy\.0.*network is an address"):
        config.parse(raw)
