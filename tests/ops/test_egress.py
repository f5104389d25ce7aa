"""D12 on a person's machine: `ops lock` and `ops fit --gguf URL` behind a proxy, with a network's own authority.

And C14: a hub below a path.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import stacks
from tests.ops import command
from tests.ops import endpoint as endpoints
from tests.ops.desk import REPO, SECRET, Desk
from tests.pods.egress import authority as authorities
from tests.pods.egress.authority import Authority
from tests.pods.egress.front import Front
from tests.pods.egress.proxy import EgressProxy
from tests.serving import serving

PASSWORD = "aPasswordThatMustNeverBePrinted"
PATH = "/artifactory/api/huggingfaceml/y"
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


@dataclass
class Company:
    """A desk in a network that is left through a proxy, to a hub whose certificate its own authority signed."""

    desk: Desk
    front: Front
    proxy: EgressProxy
    authority: Authority

    def run(self, *arguments: str, code: int = 0, **env: str) -> str:
        """`ops`, with the variables of `env` about the network."""
        ours = {"HF_TOKEN": SECRET, "COLUMNS": "300", "HF_ENDPOINT": "https://hub.test"}
        ran = command.run(*arguments, code=code, cwd=self.desk.directory, **{**ours, **env})
        printed = ran.stdout + ran.stderr
        assert PASSWORD not in printed
        assert SECRET not in printed
        return printed

    @property
    def way(self) -> dict[str, str]:
        return {"HTTPS_PROXY": self.proxy.url, "SSL_CERT_FILE": str(self.authority.ca)}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authorities.make(tmp_path_factory.mktemp("authority"), "hub.test", "cdn.test")


@pytest.fixture
def company(desk: Desk, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    for name in NETWORK:
        for either in (name, name.lower()):
            monkeypatch.delenv(either, raising=False)
    (directory := tmp_path / "desk").mkdir()
    desk.directory = directory
    desk.configure("a: {quant: Q4_K_M}")
    front = Front(desk.hub, authority)
    proxy = EgressProxy({"hub.test:443": front.server_port, "cdn.test:443": front.server_port})
    with serving(front), serving(proxy):
        yield Company(desk, front, proxy, authority)


def test_d12_a_lock_is_made_through_the_proxy_and_the_token_is_for_the_hub_alone(company: Company) -> None:
    company.proxy.credentials = f"someone:{PASSWORD}"
    through = f"http://someone:{PASSWORD}@{company.proxy.url[7:]}"

    company.run("lock", **{**company.way, "HTTPS_PROXY": through})

    assert "a" in company.desk.models
    assert {seen.split("\n")[0] for seen in company.proxy.seen} == {
        "CONNECT hub.test:443 HTTP/1.1",
        "CONNECT cdn.test:443 HTTP/1.1",
    }
    assert not [seen for seen in company.proxy.seen if "Bearer" in seen]
    assert {seen["host"]: seen.get("authorization") for seen in company.front.seen} == {
        "hub.test": f"Bearer {SECRET}",
        "cdn.test": None,
    }


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "REQUESTS_CA_BUNDLE_DIR"])
def test_d12_an_authority_is_trusted_where_requests_would_find_it(company: Company, name: str, tmp_path: Path) -> None:
    place = company.authority.ca
    if name.endswith("DIR"):
        (place := tmp_path / "certificates").mkdir()
        hashed = authorities.subject_hash(company.authority.ca)
        (place / f"{hashed}.0").write_bytes(company.authority.ca.read_bytes())
    company.run("lock", HTTPS_PROXY=company.proxy.url, REQUESTS_CA_BUNDLE=str(place))
    assert "a" in company.desk.models


def test_d12_a_file_behind_a_proxy_is_read_for_fit(company: Company) -> None:
    url = f"https://hub.test/{REPO}/resolve/main/a-Q4_K_M.gguf"

    printed = company.run("fit", "--gguf", url, "--context", "64", code=2, **company.way)

    assert "its facts lack block_count" in printed, "so its header was read"
    assert {seen["host"]: seen.get("authorization") for seen in company.front.seen} == {
        "hub.test": f"Bearer {SECRET}",
        "cdn.test": None,
    }


def test_d12_a_certificate_that_nobody_vouches_for_is_said_so(company: Company) -> None:
    printed = company.run("lock", code=1, HTTPS_PROXY=company.proxy.url)

    assert "cannot be reached" in printed
    assert "certificate" in printed
    assert "SSL_CERT_FILE" in printed


@pytest.mark.parametrize("fault", [407, "garbage"])
def test_d12_a_proxy_that_refuses_or_fails_is_pointed_at(company: Company, fault: int | str) -> None:
    company.proxy.fault = fault

    printed = company.run("lock", code=1, **company.way)

    assert "HTTPS_PROXY" in printed, "the hub is not to blame"
    assert "\x1b" not in printed
    if isinstance(fault, int):
        assert f"the proxy answers HTTP {fault}" in printed


def private(directory: Path) -> dict[str, str]:
    """The environment of a command to which 10.1.2.3 is this machine; a proxy does not know it."""
    (directory / "patched").mkdir()
    (directory / "patched" / "sitecustomize.py").write_text(
        "import socket; dial = socket.create_connection\n"
        "here = lambda to: ('127.0.0.1', to[1]) if to[0] == '10.1.2.3' else to\n"
        "socket.create_connection = lambda to, *a, **k: dial(here(to), *a, **k)"
    )
    return {"PYTHONPATH": f"{directory / 'patched'}:{stacks.ROOT}"}


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [("a.example,10.0.0.0/8", True), ("11.0.0.0/8", False)],
)
def test_d12_a_network_in_no_proxy_is_reached_directly(
    company: Company, tmp_path: Path, no_proxy: str, *, direct: bool
) -> None:
    env = {**private(tmp_path), "HF_ENDPOINT": f"http://10.1.2.3:{company.desk.hub.port}"}

    company.run("lock", code=0 if direct else 1, HTTP_PROXY=company.proxy.url, NO_PROXY=no_proxy, **env)

    assert bool(company.proxy.seen) is not direct


def test_d12_a_token_is_not_sent_over_the_internet_unencrypted(company: Company) -> None:
    env = {"HF_ENDPOINT": "http://hub.test", "HTTP_PROXY": company.proxy.url}
    url = f"http://hub.test/{REPO}/resolve/main/a-Q4_K_M.gguf"

    assert "anyone on the way reads it" in company.run("lock", code=1, **env)
    assert "anyone on the way reads it" in company.run("fit", "--gguf", url, "--context", "64", code=2, **env)

    assert company.proxy.seen == []


def test_d12_this_machine_is_never_asked_through_a_proxy(company: Company) -> None:
    company.run("lock", HTTP_PROXY=company.proxy.url, HF_ENDPOINT=company.desk.endpoint)

    assert company.proxy.seen == []
    assert "a" in company.desk.models


@pytest.mark.parametrize("path", [PATH, "/a/b%20c/d.e/"])
def test_c14_a_hub_below_a_path_is_asked(desk: Desk, path: str) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    front = Front(desk.hub, path=path.rstrip("/"))
    with serving(front) as url:
        desk.endpoint = f"{url}{path}"
        desk.lock()
    assert "a" in desk.models
    assert {seen[":path"].startswith((path.rstrip("/") + "/", "/_cdn/")) for seen in front.seen} == {True}


def test_d12_an_endpoint_in_a_network_of_no_proxy_is_verified_directly(company: Company, tmp_path: Path) -> None:
    with endpoints.running({"a": endpoints.says()}) as endpoint:
        url = endpoint.url.replace("127.0.0.1", "10.1.2.3")
        env = {**private(tmp_path), "HTTP_PROXY": company.proxy.url, "NO_PROXY": "10.0.0.0/8"}
        printed = company.run("verify", "--url", url, "--model", "a", **env)

    assert "Paris" in printed
    assert company.proxy.seen == [], "the key would have gone there too"
