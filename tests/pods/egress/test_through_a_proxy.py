"""D12: a fetch that reaches its hub through a proxy, as the process that it is in a pod."""

import re

import pytest

from tests.pods.bench import SECRET, Bench
from tests.pods.egress.front import Front
from tests.pods.egress.proxy import EgressProxy
from tests.serving import serving

PASSWORD = "aPasswordThatMustNeverBePrinted"
CREDENTIALS = {"FETCH_PROXY_CREDENTIALS": f"someone:{PASSWORD}"}


def said(bench: Bench, code: int) -> str:
    """Fetch; what the termination message says at this exit code, in which no secret is."""
    ended, printed = bench.fetch()
    assert ended == code, printed
    assert PASSWORD not in printed
    return bench.termination.read_text()


def test_d12_hub_and_cdn_are_reached_through_the_proxy_and_the_token_is_for_the_hub_alone(
    company: Bench, front: Front, proxy: EgressProxy
) -> None:
    content = company.offer("a-Q4_K_M.gguf")
    proxy.credentials = f"someone:{PASSWORD}"
    company.environment = CREDENTIALS

    said(company, 0)

    assert company.blob().read_bytes() == content
    ways = {line.split("\n")[0] for line in proxy.seen}
    assert ways == {"CONNECT hub.test:443 HTTP/1.1", "CONNECT cdn.test:443 HTTP/1.1"}
    assert not [seen for seen in proxy.seen if "Bearer" in seen], "the token is none of the proxy's business"
    assert not [seen for seen in front.seen if "proxy-authorization" in seen], "nor its password the hub's"
    tokens = {seen["host"]: seen.get("authorization") for seen in front.seen}
    assert tokens == {"hub.test": f"Bearer {SECRET}", "cdn.test": None}


def test_d12_a_proxy_that_wants_credentials_is_said_so(company: Bench, proxy: EgressProxy) -> None:
    company.offer("a-Q4_K_M.gguf")
    proxy.credentials = "someone:else"

    why = said(company, 77)
    assert f"the proxy {proxy.url[7:]} answers HTTP 407" in why
    assert "it wants a user and a password; see fetch.proxy_secret" in why
    company.environment = CREDENTIALS
    assert "it refuses the user or password" in said(company, 77)


def test_d12_a_proxy_that_forbids_the_hub_ends_the_fetch_at_once(company: Bench, proxy: EgressProxy) -> None:
    company.offer("a-Q4_K_M.gguf")
    proxy.fault = 403

    assert "HTTP 403 to a request for hub.test:443: allow it there, or name the host in fetch.no_proxy" in said(
        company, 77
    )
    assert len(proxy.seen) == 1, "it would say so again"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (502, "answers HTTP 502 to a request for hub.test:443"),
        (503, "answers HTTP 503 to a request for hub.test:443"),
        (400, "answers HTTP 400 to a request for hub.test:443"),
        (302, "answers HTTP 302 to a request for hub.test:443"),
        ("close", "does not answer"),
        ("garbage", "answers in no language that a proxy speaks"),
        ("tunnel to nobody", "there is no TLS with hub.test:443"),
        ("page", "there is no TLS with hub.test:443"),
    ],
)
def test_d12_a_proxy_that_fails_is_blamed_after_as_many_attempts_as_a_hub(
    company: Bench, proxy: EgressProxy, fault: int | str, why: str
) -> None:
    company.offer("a-Q4_K_M.gguf")
    proxy.fault = fault

    text = said(company, 69)

    assert re.search(f"the proxy {re.escape(proxy.url[7:])} .*{re.escape(why)}|the proxy .* {re.escape(why)}", text), (
        text
    )
    assert "\x1b" not in text
    assert len(proxy.seen) == company.manifest["attempts"]


@pytest.mark.parametrize("fault", [502, "close", "garbage"])
def test_d12_a_proxy_that_fails_now_and_then_costs_a_few_attempts(
    company: Bench, proxy: EgressProxy, fault: int | str
) -> None:
    content = company.offer("a-Q4_K_M.gguf")
    proxy.fault, proxy.times = fault, 3

    said(company, 0)

    assert company.blob().read_bytes() == content


@pytest.mark.parametrize("fault", ["silent", "trickle"])
def test_d12_a_silent_proxy_is_left_after_the_time_of_a_silent_hub(
    company: Bench, proxy: EgressProxy, fault: str
) -> None:
    company.offer("a-Q4_K_M.gguf")
    company.manifest |= {"stall_s": 0.3, "attempts": 2}
    proxy.fault = fault

    assert "timed out" in said(company, 69)
    assert len(proxy.seen) == 2


def test_d12_a_proxy_that_is_not_there_is_named(company: Bench) -> None:
    company.offer("a-Q4_K_M.gguf")
    company.manifest["proxy"] = "http://127.0.0.1:9"
    assert "the proxy 127.0.0.1:9 does not answer: [Errno 111] Connection refused" in said(company, 69)
    company.manifest["proxy"] = "http://nowhere.invalid:3128"
    assert "the proxy nowhere.invalid:3128 does not answer" in said(company, 69)


def test_d12_credentials_that_are_none_are_refused_before_anything_is_asked(company: Bench, proxy: EgressProxy) -> None:
    company.offer("a-Q4_K_M.gguf")
    for wrong in (PASSWORD, f"someone:{PASSWORD}\nX-Header: 1", f"someone:{PASSWORD}\x00"[:-1] + "\x7f"):
        company.environment = {"FETCH_PROXY_CREDENTIALS": wrong}
        assert "is not USER:PASSWORD in one line" in said(company, 77)
    assert proxy.seen == []


def test_d12_the_environment_of_the_image_counts_where_the_stack_says_nothing(
    company: Bench, proxy: EgressProxy
) -> None:
    content = company.offer("a-Q4_K_M.gguf")
    del company.manifest["proxy"]
    company.environment = {"HTTPS_PROXY": f"http://someone:{PASSWORD}@{proxy.url[7:]}"}
    proxy.credentials = f"someone:{PASSWORD}"

    said(company, 0)

    assert company.blob().read_bytes() == content


def test_d12_no_proxy_of_the_stack_replaces_what_the_image_says(company: Bench, proxy: EgressProxy) -> None:
    company.offer("a-Q4_K_M.gguf")
    del company.manifest["proxy"]
    company.manifest |= {"no_proxy": ["*"], "attempts": 1}
    company.environment = {"HTTPS_PROXY": proxy.url}

    assert "the proxy" not in said(company, 69), "nobody knows hub.test, and the one who does was not to be asked"
    assert proxy.seen == []


def test_d12_a_proxy_in_the_environment_that_cannot_be_used_is_refused_unshown(company: Bench) -> None:
    company.offer("a-Q4_K_M.gguf")
    del company.manifest["proxy"]
    odd = (f"socks5://someone:{PASSWORD}@p:1080", f"https://{PASSWORD}@p", f"http://{PASSWORD}@p:port")
    for wrong in (
        *odd,
        "http://a..b:3128",
        f"http://{'a' * 70}:3128",
        "http://.p:1",
        "http://[::1:1",
        "http://p:99999",
        "//",
    ):
        company.environment = {"https_proxy": wrong}
        assert "(HTTPS_PROXY, HTTP_PROXY) is not http://HOST:PORT" in said(company, 78)


def test_d12_a_network_in_no_proxy_is_reached_directly(bench: Bench, proxy: EgressProxy) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.manifest |= {"endpoint": f"http://10.1.2.3:{bench.hub.port}", "proxy": proxy.url, "no_proxy": ["10.0.0.0/8"]}
    private = bench.python_where(
        "import socket; dial = socket.create_connection\n"
        "socket.create_connection = lambda to, *rest: dial(('127.0.0.1', to[1]) if to[0] == '10.1.2.3' else to, *rest)"
    )

    assert bench.fetch(via=private)[0] == 0

    assert bench.blob().read_bytes() == content
    assert proxy.seen == []


def test_d12_a_hub_without_tls_is_asked_for_by_its_whole_address(bench: Bench, proxy: EgressProxy) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    front = Front(bench.hub)
    with serving(front):
        proxy.ways = {"hub.test:8080": front.server_port, "cdn.test:80": front.server_port}
        proxy.credentials = f"someone:{PASSWORD}"
        bench.environment = CREDENTIALS
        bench.manifest |= {"endpoint": "http://hub.test:8080", "proxy": proxy.url}

        code, printed = bench.fetch(token="")

    assert code == 0, printed
    assert PASSWORD not in printed
    assert bench.blob().read_bytes() == content
    assert proxy.seen[0].startswith(f"GET http://hub.test:8080/{bench.manifest['repo']}/resolve/")
    assert {seen["host"] for seen in front.seen} == {"hub.test:8080", "cdn.test"}


@pytest.mark.parametrize(("fault", "code"), [(407, 77), (502, 69), (504, 69)])
def test_d12_without_tls_too_the_proxy_is_blamed_for_what_only_proxies_answer(
    bench: Bench, proxy: EgressProxy, fault: int, code: int
) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest |= {"endpoint": "http://hub.test:8080", "proxy": proxy.url}
    proxy.fault = fault

    assert bench.fetch(token="")[0] == code

    assert f"the proxy {proxy.url[7:]} answers HTTP {fault}" in bench.termination.read_text()


def test_d12_a_token_does_not_pass_through_a_proxy_that_could_read_it(bench: Bench, proxy: EgressProxy) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest |= {"endpoint": "http://hub.test:8080", "proxy": proxy.url}

    assert "would read HF_TOKEN: use an https:// endpoint" in said(bench, 77)

    assert proxy.seen == []
