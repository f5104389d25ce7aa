from collections.abc import Iterator

import pytest

from tests.pods.bench import Bench
from tests.pods.egress import authority as authorities
from tests.pods.egress.authority import Authority
from tests.pods.egress.front import Front
from tests.pods.egress.proxy import EgressProxy
from tests.serving import serving


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authorities.make(tmp_path_factory.mktemp("authority"), "hub.test", "cdn.test", "127.0.0.1")


@pytest.fixture
def front(bench: Bench, authority: Authority) -> Iterator[Front]:
    """The hub behind TLS."""
    front = Front(bench.hub, authority)
    with serving(front):
        yield front


@pytest.fixture
def proxy(front: Front) -> Iterator[EgressProxy]:
    """The one way to the hub: no one else knows where hub.test and cdn.test are."""
    port = front.server_port
    proxy = EgressProxy({"hub.test:443": port, "cdn.test:443": port})
    with serving(proxy):
        yield proxy


@pytest.fixture
def company(bench: Bench, front: Front, proxy: EgressProxy, authority: Authority) -> Bench:
    """A fetch in a network with a proxy and an authority of its own."""
    del front
    bench.manifest |= {"endpoint": "https://hub.test", "proxy": proxy.url, "ca_file": str(authority.ca)}
    return bench
