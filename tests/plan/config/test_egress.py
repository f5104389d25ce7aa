"""The ways out of a network that a stack may name: D12, C14's endpoint, and D14's volume that root owns."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from tests import stacks
from tests.plans import made, planned

PROXY = "http://proxy.example:3128"


def parsed(**fetch: Any) -> config.Fetch:
    raw = stacks.raw("t4")
    raw["fetch"] |= fetch
    return config.parse(raw).fetch


def refused(**fetch: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(**fetch)
    return str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://huggingface.co",
        "https://x/artifactory/api/huggingfaceml/y",
        "https://hub.example:8443/a/b%20c",
        "http://hub.llm.svc:8080",
        "http://10.1.2.3",
        "http://[fd00::1]:8080/hub",
        "https://hub_1.example.",
    ],
)
def test_c14_a_hub_has_an_address_perhaps_with_a_path(endpoint: str) -> None:
    assert parsed(endpoint=endpoint).endpoint == endpoint
    assert parsed(endpoint=f"{endpoint}/").endpoint == endpoint, "as people copy it"
    manifest = json.loads(
        planned("t4", fetch={**stacks.raw("t4")["fetch"], "endpoint": endpoint}).fetches.jobs[0].manifest
    )
    assert manifest["endpoint"] == endpoint


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("huggingface.co", "http:// or https://"),
        ("ftp://hub.example", "http:// or https://"),
        ("https://", "http:// or https://"),
        ("https://hub.example//x", "http:// or https://"),
        ("https://hub.example/x?y=1", "no user, password, '?' or '#'"),
        ("https://hub.example/x#y", "no user, password, '?' or '#'"),
        ("https://hub.example/$(HF_TOKEN)", "http:// or https://"),
        ("https://hub.example/%zz", "http:// or https://"),
        ("https://hub.example/a b", "http:// or https://"),
        ("https://hub.example\n", "http:// or https://"),
        ("https://hub..example", "http:// or https://"),
        ("https://[::1", "http:// or https://"),
        ("https://[::g]", "http:// or https://"),
        ("https://[1:2]", "looks like an IP address, and is none"),
        ("https://300.1.1.1", "looks like an IP address, and is none"),
        ("https://10.0.0", "looks like an IP address, and is none"),
        ("https://hub.example:0", "from 1 to 65535"),
        ("https://hub.example:65536", "from 1 to 65535"),
        ("https://hub.example/a/../b", "no '.' and no '..'"),
        ("https://hub.example/" + "a" * 2000, "1024 are the most"),
        ("https://hub.ex\u0430mple", "http:// or https://"),
    ],
)
def test_c14_an_address_that_leads_nowhere_is_refused_in_words(endpoint: str, said: str) -> None:
    text = refused(endpoint=endpoint)
    assert "fetch.endpoint" in text
    assert said in text
    assert "[A-Za" not in text, "a pattern says nothing to a person"


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("proxy.example:3128", "proxy is http://HOST:PORT"),
        ("https://proxy.example:3128", "proxy is http://HOST:PORT"),
        ("socks5://proxy.example:1080", "proxy is http://HOST:PORT"),
        ("http://proxy.example", "proxy is http://HOST:PORT"),
        ("http://proxy.example:3128/", "proxy is http://HOST:PORT"),
        ("http://proxy.example:99999", "from 1 to 65535"),
        ("http://1.2.3:3128", "looks like an IP address, and is none"),
        ("http://someone:hidden@proxy.example:3128", "fetch.proxy_secret"),
    ],
)
def test_d12_a_proxy_that_is_none_is_refused_in_words(proxy: str, said: str) -> None:
    text = refused(proxy=proxy)
    assert "fetch.proxy" in text
    assert said in text
    assert "hidden" not in text, "a password is not repeated"


@pytest.mark.parametrize(
    "entry",
    ["*", "hub.example", ".hub.example", "*.hub.example", "hub.example:8443", "10.0.0.0/8", "10.1.2.3", "10.1.2.3:80",
     "fd00::/8", "fd00::1", "[fd00::1]:8080", "svc.cluster.local", "localhost", "10.1.2.3/8", "intranet"],
)  # fmt: skip
def test_d12_what_a_no_proxy_may_name(entry: str) -> None:
    assert parsed(proxy=PROXY, no_proxy=[entry]).no_proxy == (entry,)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("", "n entry is one host name"),
        ("a,b", "n entry is one host name"),
        ("a b", "n entry is one host name"),
        ("http://hub.example", "n entry is one host name"),
        ("10.0.0.*", "n entry is one host name"),
        ("*hub", "n entry is one host name"),
        ("hub.example/8", "n entry is one host name"),
        ("hub.example:", "n entry is one host name"),
        ("user@hub.example", "n entry is one host name"),
        ("10.0.0.0/33", " network is an address"),
        ("fd00::/129", " network is an address"),
        ("10.0.0/8", " network is an address"),
        ("10.0.0", "looks like an IP address, and is none"),
        ("1:2:3", "looks like an IP address, and is none"),
        ("hub.example:0", "from 1 to 65535"),
    ],
)
def test_d12_what_stands_for_nothing_is_no_entry_of_no_proxy(entry: str, said: str) -> None:
    text = refused(proxy=PROXY, no_proxy=["hub.example", entry])
    assert "fetch.no_proxy.1" in text
    assert said in text


@pytest.mark.parametrize(
    ("name", "key"),
    [("kube-root-ca.crt", "ca.crt"), ("trusted", "ca-bundle.crt"), ("a.b-c", ".hidden"), ("1", "A_b.PEM"), ("x", "_")],
)
def test_d12_a_configmap_and_its_key_have_the_names_that_kubernetes_gives_them(name: str, key: str) -> None:
    found = parsed(ca_configmap={"name": name, "key": key}).ca_configmap
    assert found
    assert (found.name, found.key) == (name, key)


@pytest.mark.parametrize(
    ("name", "key", "where"),
    [
        ("Trusted", "ca.crt", "name"),
        ("a..b", "ca.crt", "name"),
        ("-a", "ca.crt", "name"),
        ("a" * 254, "ca.crt", "name"),
        ("a/b", "ca.crt", "name"),
        ("a", "", "key"),
        ("a", "..", "key"),
        ("a", ".", "key"),
        ("a", "../x", "key"),
        ("a", "..x", "key"),
        ("a", "x y", "key"),
        ("a", "$(HF_TOKEN)", "key"),
    ],
)
def test_d12_other_names_are_refused_in_words(name: str, key: str, where: str) -> None:
    text = refused(ca_configmap={"name": name, "key": key})
    assert f"fetch.ca_configmap.{where}" in text
    assert any(words in text for words in ("A name uses", "entry has letters", "An entry's key", "are the most"))


def test_d12_a_proxys_secret_needs_a_proxy() -> None:
    secret = {"name": "proxy", "key": "user"}
    assert "needs a proxy" in refused(proxy_secret=secret)
    assert parsed(proxy=PROXY, proxy_secret=secret).proxy_secret


TOKEN = {"name": "hf", "key": "token"}


@pytest.mark.parametrize(
    "endpoint",
    ["http://hub", "http://hub.llm.svc", "http://hub.llm.svc.cluster.local:8080", "http://10.1.2.3:8080/hub",
     "http://192.168.1.9", "http://localhost:8080", "http://127.0.0.1", "http://[fd00::1]", "https://hub.example"],
)  # fmt: skip
def test_a_token_goes_unencrypted_only_where_it_leaves_no_network_of_ones_own(endpoint: str) -> None:
    assert parsed(endpoint=endpoint, token_secret=TOKEN).token_secret


@pytest.mark.parametrize(
    "endpoint",
    ["http://hub.example", "http://8.8.8.8", "http://svc.example", "http://[2606:4700::1]", "http://x.svc.example:80"],
)
def test_a_token_is_not_sent_over_the_internet_unencrypted(endpoint: str) -> None:
    assert "anyone on the way reads the token" in refused(endpoint=endpoint, token_secret=TOKEN)
    assert parsed(endpoint=endpoint).endpoint == endpoint, "without a token there is nothing to read"


def test_a_token_is_not_sent_through_a_proxy_unencrypted() -> None:
    text = refused(endpoint="http://10.1.2.3", token_secret=TOKEN, proxy=PROXY)
    assert "the proxy would read the token" in text


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z0-9.:/%\[\]-]{0,30}", fullmatch=True))
def test_an_address_that_a_stack_may_have_the_pod_takes_too(endpoint: str) -> None:
    from pods.fetch.connection import origin
    from pods.fetch.manifest import Manifest

    raw = stacks.raw("t4")
    raw["fetch"]["endpoint"] = endpoint
    try:
        job = made(raw).fetches.jobs[0]
    except ConfigError:
        return
    assert origin(urlsplit(Manifest.parse(job.manifest).endpoint)).host


def test_a_manifest_has_the_ways_out_only_where_the_stack_names_them() -> None:
    plain = json.loads(planned("t4").fetches.jobs[0].manifest)
    assert not {"proxy", "no_proxy", "ca_file"} & plain.keys(), "what is deployed stays the same, byte by byte"
    fetch = {
        **stacks.raw("t4")["fetch"],
        "proxy": PROXY,
        "no_proxy": ["10.0.0.0/8", ".svc"],
        "ca_configmap": {"name": "trusted", "key": "ca.crt"},
        "proxy_secret": {"name": "proxy", "key": "user"},
    }
    plan = planned("t4", fetch=fetch).fetches
    manifest = json.loads(plan.jobs[0].manifest)
    assert (manifest["proxy"], manifest["no_proxy"]) == (PROXY, ["10.0.0.0/8", ".svc"])
    assert manifest["ca_file"] == "/etc/local-llm/authorities/ca.crt"
    assert [(it.volume, it.config_map, it.directory) for it in plan.config_maps] == [
        ("authorities", "trusted", "/etc/local-llm/authorities")
    ]
    assert [(it.variable, it.secret, it.key) for it in plan.secrets] == [("FETCH_PROXY_CREDENTIALS", "proxy", "user")]


@pytest.mark.parametrize("name", ["nfs", "local", "existing_claim"])
def test_d14_the_kubelet_is_asked_for_the_group_only_where_the_stack_says_so(name: str) -> None:
    homes: dict[str, dict[str, Any]] = {
        "nfs": {"size_gib": 30, "nfs": {"server": "nas.example", "path": "/srv/models"}},
        "local": {"size_gib": 50, "local": {"path": "/srv/models", "node": "gpu-node"}},
        "existing_claim": {"existing_claim": True},
    }
    volume = {"name": "models", **homes[name]}
    plain, owned = (planned("t4", volume={**volume, **more}).fetches for more in ({}, {"fs_group": True}))
    assert (plain.fs_group, plain.fs_group_change_policy) == (None, None)
    assert (owned.fs_group, owned.fs_group_change_policy) == (owned.gid, "OnRootMismatch")
